import { describe, expect, test, vi } from "vitest";
import { RealtimeClient } from "./client";
import type { Status } from "./client";
import { FakeEnvironment, message, welcome } from "./fake";
import type { FakeRequest } from "./fake";

interface Room {
  readonly env: FakeEnvironment;
  readonly client: RealtimeClient;
  readonly texts: (string | undefined)[];
  readonly states: Status[];
}

function room(env = new FakeEnvironment()): Room {
  const client = new RealtimeClient({ account: "agent-a", name: "bida-web", version: "1", lang: "zh", environment: env });
  const texts: (string | undefined)[] = [];
  const states: Status[] = [];
  client.on("event", (e) => texts.push(e.text));
  client.on("status", (s) => states.push(s));
  return { env, client, texts, states };
}

describe("over WebSocket", () => {
  test("it receives, acknowledges and says how it fares", () => {
    const { env, client, texts, states } = room();
    client.start();
    client.start();
    expect(env.sockets.map((s) => s.path)).toEqual(["/api/v1/realtime"]);
    const hello = env.socket.welcome(0, 2);
    expect(hello).toMatchObject({ type: "hello", protocol: 1, client: { name: "bida-web", version: "1" }, lang: "zh" });
    expect(env.socket.take()).toEqual([{ type: "watch", ref: "watch" }, { type: "visibility", visible: true }]);
    env.socket.say(message(1), message(2)); // together: one ack
    expect(env.socket.take()).toEqual([{ type: "ack", received: 2, ref: "a1" }]);
    client.seen([1]);
    client.seen([2]);
    client.accepted([2]);
    env.settle();
    expect(env.socket.take()).toEqual([{ type: "ack", received: 2, seen: [1, 2], accepted: [2], ref: "a2" }]);
    expect(texts).toEqual(["1", "2"]);
    expect(states.map((s) => s.state)).toEqual(["connecting", "catching_up", "catching_up", "live"]);
    expect(client.status).toMatchObject({ state: "live", caughtUp: 2, transport: "websocket" });
    client.stop();
    expect(env.socket.closedWith).toBe(1000);
    expect(client.status.state).toBe("idle");
    expect(env.listeners + env.waiting).toBe(0);
  });

  test("after every kind of end it comes back with its cursor and shows nothing twice", () => {
    const { env, client, texts } = room();
    client.start();
    const ends = [
      () => env.socket.end(1006),
      () => env.socket.end(1001, "restarting"),
      () => env.socket.end(4500),
      () => env.socket.say(message(99)),
      () => env.socket.onmessage?.({ data: "nonsense" }),
    ];
    for (const [i, end] of ends.entries()) {
      const hello = env.socket.welcome(i, i + 1);
      if (i > 0) {
        expect(hello).toMatchObject({ cursor: i });
      }
      env.socket.say(message(i), message(i + 1));
      end();
      env.settle();
      expect(client.status.state).toBe("offline");
      env.pass(5_000);
    }
    env.socket.welcome(ends.length);
    expect(texts).toEqual(["1", "2", "3", "4", "5"]);
    expect(client.status).toMatchObject({ state: "live", caughtUp: 0 });
    expect(client.status).not.toHaveProperty("code");
  });

  test("the cursor and the tab's name outlive a reload, and belong to the account", () => {
    const first = room();
    first.client.start();
    const name = first.env.socket.welcome(0)["client"];
    first.env.socket.say(message(1), message(2));
    const keep = new Map([...first.env.keep]);

    const again = room(new FakeEnvironment(keep));
    again.client.start();
    again.env.socket.open();
    expect(again.env.socket.sent[0]).toMatchObject({ client: name, cursor: 2 });

    const env = new FakeEnvironment(new Map(keep));
    const other = new RealtimeClient({ account: "agent-b", name: "bida-web", version: "1", lang: "zh", environment: env });
    other.start();
    env.socket.open();
    expect(env.socket.sent[0]).not.toHaveProperty("cursor");

    const copy = new FakeEnvironment(new Map(keep));
    copy.copied = true;
    copy.chance = 0.5;
    const duplicate = room(copy);
    duplicate.client.start();
    copy.socket.open();
    expect(copy.socket.sent[0]?.["client"]).not.toEqual(name);
    expect(copy.socket.sent[0]).toMatchObject({ cursor: 2 });
  });

  test.each([4401, 4403, 4409, 4410])("after %i it does not come back", (code) => {
    const { env, client, states } = room();
    client.start();
    env.socket.welcome(0);
    env.socket.end(code, "登录已被结束");
    env.pass(3_600_000);
    env.show(true);
    env.comeOnline();
    expect(env.sockets).toHaveLength(1);
    expect(env.requests).toHaveLength(0);
    expect(states.at(-1)).toMatchObject({ state: "ended", code, reason: "登录已被结束" });
    expect(env.listeners).toBe(0);
    client.start(); // the person has signed in again
    expect(env.sockets).toHaveLength(2);
  });

  test("being offline has one beginning, and a time of the next attempt", () => {
    const { env, client, states } = room();
    client.start();
    env.socket.welcome(0);
    env.pass(3_000);
    const since = env.now();
    env.socket.end(1006);
    expect(client.status).toMatchObject({ state: "offline", since, retryAt: since + 100, code: 1006 });
    env.pass(100);
    expect(client.status).toMatchObject({ state: "connecting", since });
    expect(client.status).not.toHaveProperty("retryAt");
    env.socket.end(1006);
    expect(client.status).toMatchObject({ state: "offline", since, retryAt: since + 300 });
    expect(states.filter((s) => s.state === "offline")).toHaveLength(2);
    env.comeOnline(); // does not wait
    expect(client.status.state).toBe("connecting");
    env.socket.welcome(0);
    expect(client.status).toMatchObject({ state: "live", since: since + 100 });
  });

  test("a server that is silent is given up, and a frozen tab asks first", () => {
    const { env, client } = room();
    client.start();
    env.socket.welcome(0);
    env.socket.take();
    env.pass(14_999);
    expect(env.socket.take()).toEqual([{ type: "ping" }, { type: "ping" }]);
    expect(client.status.state).toBe("live");
    env.pass(1);
    expect(client.status).toMatchObject({ state: "offline", code: 1006 });
    env.pass(100);
    env.socket.welcome(0);
    env.socket.take();
    env.freeze(3_600_000);
    env.show(true);
    expect(env.socket.take()).toEqual([{ type: "ping" }]);
    expect(client.status.state).toBe("live");
    env.socket.say({ type: "pong" });
    env.pass(4_000);
    expect(client.status.state).toBe("live");
  });

  test("visibility is told when it changes", () => {
    const { env, client } = room();
    env.shown = false;
    client.start();
    env.socket.welcome(0);
    expect(env.socket.take()).toContainEqual({ type: "visibility", visible: false });
    env.show(true);
    expect(env.socket.take()).toContainEqual({ type: "visibility", visible: true });
  });

  test("hints are passed on, and every welcome counts as one", () => {
    const { env, client } = room();
    const changed = vi.fn();
    client.on("changed", changed);
    client.start();
    env.socket.welcome(0);
    env.socket.say({ type: "changed" }, { type: "changed" });
    expect(changed).toHaveBeenCalledTimes(3);
  });

  test("a presence is set when it is recorded, or not when it is refused or the connection is lost", async () => {
    const { env, client } = room();
    const answers: string[] = [];
    const set = (value: "available" | "dnd"): void => {
      client.setPresence({ value }).then(() => answers.push("set"), (error: unknown) => answers.push(String(error)));
      env.settle();
    };
    set("available");
    client.start();
    env.socket.welcome(0);
    env.socket.take();
    set("available");
    const [asked] = env.socket.take();
    expect(asked).toMatchObject({ type: "presence", value: "available" });
    env.socket.say({ type: "presence", value: "available", ref: asked?.["ref"] });
    set("dnd");
    env.socket.say({ type: "error", code: "presence.value", title: "不能设置该状态", ref: env.socket.take()[0]?.["ref"] });
    set("dnd");
    env.socket.end(1006);
    await env.followed();
    expect(answers).toEqual([
      "RefusedError: not connected", "set", "RefusedError: 不能设置该状态", "RefusedError: the connection was lost",
    ]);
  });

  test("a round trip takes as long as the server needs to answer, and is over with the connection", async () => {
    const { env, client } = room();
    await expect(client.roundTrip()).rejects.toMatchObject({ code: "realtime.offline" });
    client.start();
    env.socket.welcome(0, 0);
    env.socket.take();
    const trip = client.roundTrip();
    env.settle();
    expect(env.socket.take()).toEqual([{ type: "ping", ref: "r1" }]);
    env.time += 12;
    env.socket.say({ type: "pong" }, { type: "pong", ref: "another" }, { type: "pong", ref: "r1", at: new Date(env.time - 6 - 3_000).toISOString() });
    expect(await trip).toEqual({ ms: 12, ahead: 3_000 }); // by its own ping, whenever the one before was
    const second = client.roundTrip();
    env.settle();
    env.socket.end(1006);
    await expect(second).rejects.toMatchObject({ code: "realtime.offline" });
  });

  test("reconnecting closes the connection, makes another one with the cursor, and says whether anything is missing", async () => {
    const { env, client, texts } = room();
    await expect(client.reconnect()).rejects.toMatchObject({ code: "realtime.offline" });
    client.start();
    env.socket.welcome(0, 1);
    env.socket.say(message(1));
    const first = env.socket;
    const again = client.reconnect();
    expect(first.closedWith).toBe(1000);
    expect(env.socket).not.toBe(first);
    env.time += 30;
    expect(env.socket.welcome(1, 2)).toMatchObject({ cursor: 1 });
    env.socket.say(message(2));
    expect(await again).toEqual({ ms: 30, whole: true });
    expect(texts).toEqual(["1", "2"]);

    const elsewhere = client.reconnect();
    env.socket.welcome(5, 5); // another client with this id went on
    expect(await elsewhere).toMatchObject({ whole: false });

    const over = client.reconnect();
    env.socket.end(4409, "ended");
    await expect(over).rejects.toMatchObject({ code: "realtime.offline" });
  });

  test("a check that somebody asks for is passed on", () => {
    const { env, client } = room();
    const asked: unknown[] = [];
    client.on("asked", (a) => asked.push(a));
    client.start();
    env.socket.welcome(0, 0);
    env.socket.say({ type: "self_check", check: "q1", by: "主管乙" });
    expect(asked).toEqual([{ check: "q1", by: "主管乙" }]);
  });

  test("a listener that fails keeps nothing from the others", () => {
    const { env, client, texts } = room();
    client.on("event", () => {
      throw new Error("a view is broken");
    });
    const end = client.on("event", () => texts.push("second"));
    client.start();
    env.socket.welcome(0);
    env.socket.take();
    env.socket.say(message(1));
    end();
    env.socket.say(message(2));
    expect(texts).toEqual(["1", "second", "2"]);
    expect(env.faults).toHaveLength(2);
    expect(env.socket.take().at(-1)).toMatchObject({ type: "ack", received: 2 });
  });
});

describe("over server-sent events", () => {
  /** Has WebSocket fail twice, and opens the stream that follows. */
  async function fallen(r: Room): Promise<FakeRequest> {
    r.client.start();
    r.env.socket.end(1006);
    r.env.pass(100);
    r.env.socket.end(1006);
    r.env.pass(200);
    const get = r.env.request;
    await get.stream("event: open\ndata: {\"stream\":\"x1\"}\n\n");
    return get;
  }

  async function say(get: FakeRequest, ...frames: object[]): Promise<void> {
    await get.write(frames.map((f) => `data: ${JSON.stringify(f)}\n\n`).join(""));
  }

  test("it goes on where WebSocket fails twice, and stays there for ten minutes", async () => {
    const r = room();
    const get = await fallen(r);
    expect(get.path).toBe("/api/v1/realtime/stream");
    expect(get.init).toMatchObject({ credentials: "same-origin", cache: "no-store" });
    expect(r.env.request.path).toBe("/api/v1/realtime/stream/x1?n=1");
    expect(r.env.request.frames[0]).toMatchObject({ type: "hello" });
    await r.env.request.answer(202);
    await say(get, welcome(0, 1));
    expect(r.env.request.frames).toEqual([{ type: "watch", ref: "watch" }, { type: "visibility", visible: true }]);
    await r.env.request.answer(202);
    await say(get, message(1));
    expect(r.env.request.path).toBe("/api/v1/realtime/stream/x1?n=3");
    expect(r.env.request.frames).toEqual([{ type: "ack", received: 1, ref: "a1" }]);
    await r.env.request.answer(202);
    expect(r.client.status).toMatchObject({ state: "live", transport: "sse", caughtUp: 1 });
    expect(r.texts).toEqual(["1"]);

    await get.cut();
    r.env.pass(100);
    expect(r.env.sockets).toHaveLength(2);
    expect(r.env.request.path).toBe("/api/v1/realtime/stream");
    await r.env.request.stream("event: open\ndata: {\"stream\":\"x2\"}\n\n");
    r.env.freeze(600_000);
    await r.env.requests.at(-2)?.write("event: close\ndata: {\"code\":1001,\"reason\":\"restarting\"}\n\n");
    r.env.pass(5_000);
    expect(r.env.sockets).toHaveLength(3); // WebSocket is tried again
  });

  test("one post at a time keeps the order, with what has come together meanwhile", async () => {
    const r = room();
    const get = await fallen(r);
    await r.env.request.answer(202);
    await say(get, welcome(0));
    const posts = r.env.requests.length;
    await say(get, message(1));
    await say(get, message(2));
    expect(r.env.requests).toHaveLength(posts);
    await r.env.request.answer(202);
    expect(r.env.requests).toHaveLength(posts + 1);
    expect(r.env.request.frames).toEqual([{ type: "ack", received: 1, ref: "a1" }, { type: "ack", received: 2, ref: "a2" }]);
  });

  test("a post that is refused or not answered ends the connection, and what it said is said again", async () => {
    for (const fail of [
      (r: Room): Promise<void> => r.env.request.answer(404, "{\"code\":\"realtime.no_stream\",\"detail\":\"gone\"}"),
      async (r: Room): Promise<void> => {
        r.env.pass(10_000);
        await r.env.followed();
      },
    ]) {
      const r = room();
      const get = await fallen(r);
      await r.env.request.answer(202);
      await say(get, welcome(0));
      await r.env.request.answer(202);
      await say(get, message(1));
      await fail(r);
      expect(get.aborted).toBe(true);
      expect(r.client.status.state).toBe("offline");
      r.env.pass(100);
      const next = r.env.request;
      await next.stream("event: open\ndata: {\"stream\":\"x2\"}\n\n");
      expect(r.env.request.path).toBe("/api/v1/realtime/stream/x2?n=1");
      expect(r.env.request.frames[0]).toMatchObject({ type: "hello", cursor: 1 });
      await r.env.request.answer(202);
      await say(next, welcome(1));
      expect(r.env.request.frames).toContainEqual({ type: "ack", received: 1, ref: "a2" });
      r.client.stop();
    }
  });

  test("it answers a comment with a ping when it has posted nothing for long, though timers are slow", async () => {
    const r = room();
    const get = await fallen(r);
    await r.env.request.answer(202);
    await say(get, welcome(0));
    await r.env.request.answer(202);
    r.env.freeze(5_000);
    await get.write(":\n\n");
    expect(r.env.request.frames).toEqual([{ type: "ping" }]);
  });

  test("a session that is over is told by the status, and it does not come back", async () => {
    const r = room();
    r.client.start();
    r.env.socket.end(1006);
    r.env.pass(100);
    r.env.socket.end(1006);
    r.env.pass(200);
    await r.env.request.answer(401, "{\"code\":\"realtime.unauthenticated\",\"detail\":\"your session has ended\"}");
    expect(r.client.status).toMatchObject({ state: "ended", code: 4401, reason: "your session has ended" });
    r.env.pass(60_000);
    expect(r.env.requests).toHaveLength(1);
  });

  test("the end that the server says counts", async () => {
    const r = room();
    const get = await fallen(r);
    await r.env.request.answer(202);
    await say(get, welcome(0));
    await get.write("event: close\ndata: {\"code\":4409,\"reason\":\"signed out\"}\n\n");
    expect(r.client.status).toMatchObject({ state: "ended", code: 4409, reason: "signed out", transport: "sse" });
  });

  test("what a proxy answers says nothing about the session, and Retry-After is heeded", async () => {
    const r = room();
    r.client.start();
    for (const wait of [100, 200]) {
      r.env.socket.end(1006);
      r.env.pass(wait);
    }
    const at = r.env.now();
    await r.env.request.answer(403, "<h1>Forbidden</h1>", { "Retry-After": "7" });
    expect(r.client.status).toMatchObject({ state: "offline", retryAt: at + 7_000 });
    r.env.pass(7_000);
    expect(r.env.sockets).toHaveLength(3); // neither works: begin anew
  });

  test("an answer that is kept back is given up after four seconds", async () => {
    const r = room();
    r.client.start();
    for (const wait of [100, 200]) {
      r.env.socket.end(1006);
      r.env.pass(wait);
    }
    r.env.pass(4_000);
    expect(r.env.request.aborted).toBe(true);
    expect(r.client.status.state).toBe("offline");
    await r.env.followed();
  });

  test("a page that may not open a WebSocket goes on at once", async () => {
    const env = new FakeEnvironment();
    env.noSockets = true;
    const r = room(env);
    r.client.start();
    env.pass(100);
    expect(env.request.path).toBe("/api/v1/realtime/stream");
    r.client.stop();
    await env.followed();
    expect(env.request.aborted).toBe(true);
  });

  test("stopping posts what is not acknowledged, and then ends the stream", async () => {
    const r = room();
    const get = await fallen(r);
    await r.env.request.answer(202);
    await say(get, welcome(0));
    const busy = r.env.request;
    await say(get, message(1));
    r.client.accepted([1]);
    r.client.stop();
    await busy.answer(202);
    expect(get.aborted).toBe(false);
    expect(r.env.request.frames).toEqual([
      { type: "ack", received: 1, ref: "a1" },
      { type: "ack", received: 1, accepted: [1], ref: "a2" },
    ]);
    expect(r.env.request.init.keepalive).toBe(true);
    await r.env.request.answer(202);
    expect(get.aborted).toBe(true);
  });

  test("an upgrade that is swallowed is given up", () => {
    const { env, client } = room();
    client.start();
    env.pass(10_000);
    expect(client.status.state).toBe("offline");
    env.pass(100);
    env.socket.open(); // and then nothing
    env.pass(15_000);
    expect(client.status.state).toBe("offline");
    env.pass(200);
    expect(env.requests).toHaveLength(1);
  });
});
