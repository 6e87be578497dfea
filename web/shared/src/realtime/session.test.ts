import { describe, expect, test } from "vitest";
import { message, welcome } from "./fake";
import type { Frame } from "./fake";
import { Session } from "./session";
import type { Received } from "./session";

function make(cursor?: number, watch = false): Session {
  return new Session({ client: "tab-1", name: "bida-web", version: "1", lang: "zh", cursor, watch, random: () => 1 });
}

function hear(s: Session, frame: Frame, now = 0): Received {
  return s.receive(now, JSON.stringify(frame));
}

function frames(s: Session, now = 0): Frame[] {
  return s.flush(now).map((f) => JSON.parse(f) as Frame);
}

/** A session that is welcomed. */
function live(cursor = 0, watch = false): Session {
  const s = make(undefined, watch);
  s.connect("websocket", 0);
  hear(s, welcome(cursor, 100));
  return s;
}

function handle(s: Session, n: number): void {
  const r = hear(s, message(n));
  expect(r.kind).toBe("event");
  if (r.kind === "event") {
    s.handled(r.event);
  }
}

describe("resuming", () => {
  test("a hello has the cursor once it is known", () => {
    expect(JSON.parse(make().connect("websocket", 0))).toEqual({ type: "hello", protocol: 1, client: { id: "tab-1", name: "bida-web", version: "1" }, lang: "zh" });
    expect(JSON.parse(make(41).connect("websocket", 0))).toMatchObject({ cursor: 41 });
    expect(JSON.parse(make(0).connect("websocket", 0))).toMatchObject({ cursor: 0 });
  });

  test("each entry is given out once and in order", () => {
    const s = live(1);
    expect(hear(s, message(1)).kind).toBe("nothing");
    handle(s, 2);
    expect(hear(s, message(2)).kind).toBe("nothing");
    expect(hear(s, message(4))).toEqual({ kind: "fault", text: "entry 4 came after entry 2" });
    handle(s, 3);
    expect(s.cursor).toBe(3);
  });

  test("an entry of an unknown type moves the cursor and is acknowledged", () => {
    const s = live();
    const r = hear(s, { type: "sparkle", agent_sequence: 1, at: "2026-11-23T09:00:00Z" });
    expect(r).toMatchObject({ kind: "event", event: { event: "sparkle", agent_sequence: 1 } });
    if (r.kind === "event") {
      s.handled(r.event);
    }
    expect(frames(s)).toEqual([{ type: "ack", received: 1, ref: "a1" }]);
  });

  test("a gap brings the cursor to its end", () => {
    const s = live();
    const r = hear(s, { type: "gap", event: "gap", agent_sequence: 1, to: 40, at: "2026-11-23T09:00:00Z" });
    if (r.kind === "event") {
      s.handled(r.event);
    }
    expect(s.cursor).toBe(40);
    handle(s, 41);
  });

  test("withdrawals and tombstones keep their place in the stream", () => {
    const s = live();
    handle(s, 1);
    expect(hear(s, { type: "withdrawn", event: "withdrawn", agent_sequence: 2, withdraws: 1 })).toMatchObject({ kind: "event", event: { withdraws: 1 } });
    expect(hear(s, { type: "tombstone", event: "tombstone", agent_sequence: 3 }).kind).toBe("event");
    expect(hear(s, message(5)).kind).toBe("fault");
  });

  test("an entry that was given out and not handled is given out again", () => {
    const s = live();
    handle(s, 1);
    expect(hear(s, message(2)).kind).toBe("event");
    s.lost(1006);
    expect(JSON.parse(s.connect("websocket", 0))).toMatchObject({ cursor: 1 });
    hear(s, welcome(1));
    handle(s, 2);
  });

  test("what has no answer is acknowledged again, once, after the welcome", () => {
    const s = live();
    handle(s, 1);
    s.seen([1]);
    expect(frames(s)).toEqual([{ type: "ack", received: 1, seen: [1], ref: "a1" }]);
    handle(s, 2);
    s.seen([2]);
    s.accepted([1, 2]);
    expect(frames(s)).toEqual([{ type: "ack", received: 2, seen: [2], accepted: [1, 2], ref: "a2" }]);
    hear(s, { type: "acked", received: 1, ref: "a1" });
    s.lost(1006);
    s.connect("websocket", 0);
    hear(s, welcome(2));
    expect(frames(s)).toEqual([{ type: "ack", received: 2, seen: [2], accepted: [1, 2], ref: "a3" }]);
    hear(s, { type: "acked", received: 2, ref: "a3" });
    expect(s.settled).toBe(true);
    expect(frames(s)).toEqual([]);
  });

  test("a server that knows more, or less, is believed", () => {
    const s = live();
    handle(s, 1);
    handle(s, 2);
    s.seen([1, 2]);
    s.lost(1006);
    s.connect("websocket", 0);
    hear(s, welcome(1)); // restored from a backup
    expect(s.cursor).toBe(1);
    expect(frames(s)).toEqual([{ type: "ack", received: 1, seen: [1], ref: "a1" }]);
    handle(s, 2);
    s.lost(1006);
    s.connect("websocket", 0);
    hear(s, welcome(9)); // another client with the same id
    expect(s.cursor).toBe(9);
    expect(hear(s, message(9)).kind).toBe("nothing");
    handle(s, 10);
  });
});

describe("acknowledging", () => {
  test("few acks wait for their answers, and the rest is collected", () => {
    const s = live();
    for (let n = 1; n <= 10; n++) {
      handle(s, n);
      frames(s);
    }
    hear(s, { type: "acked", received: 1, ref: "a1" });
    expect(frames(s)).toEqual([{ type: "ack", received: 10, ref: "a5" }]);
  });

  test("an ack names a bounded number of entries, each once and none that was never sent", () => {
    const s = live(2500);
    s.seen(Array.from({ length: 2500 }, (_, i) => i + 1));
    s.seen([1, 2500, 2501, 0]);
    expect(frames(s).map((f) => (f["seen"] as number[]).length)).toEqual([1000, 1000, 500]);
  });

  test("an answer to no ack is a fault", () => {
    const s = live();
    expect(hear(s, { type: "acked", received: 1, ref: "a1" }).kind).toBe("fault");
  });

  test("entries that had been withdrawn are named", () => {
    const s = live();
    handle(s, 1);
    s.accepted([1]);
    frames(s);
    expect(hear(s, { type: "acked", received: 1, refused: [1], ref: "a1" })).toEqual({ kind: "refused", entries: [1] });
  });

  test("an ack that is refused is reported and not sent again", () => {
    const s = live();
    handle(s, 1);
    frames(s);
    expect(hear(s, { type: "error", code: "realtime.sequence_future", title: "no", ref: "a1" })).toMatchObject({ kind: "problem", problem: { ref: "a1" } });
    expect(frames(s)).toEqual([]);
  });

  test("a goodbye has everything that is not acknowledged", () => {
    const s = live();
    handle(s, 1);
    expect(s.goodbye().map((f) => JSON.parse(f) as Frame)).toEqual([{ type: "ack", received: 1, ref: "a1" }]);
    expect(s.goodbye()).toEqual([]);
  });
});

describe("signs of life", () => {
  test("a silent server is asked after a heartbeat and given up after three", () => {
    const s = live();
    expect(s.nextDeadline()).toBe(5_000);
    expect(s.tick(5_000)).toBe(true);
    expect(frames(s, 5_000)).toEqual([{ type: "ping" }]);
    expect(s.tick(10_000)).toBe(true);
    expect(frames(s, 10_000)).toEqual([{ type: "ping" }]);
    expect(s.tick(14_999)).toBe(true);
    expect(s.tick(15_000)).toBe(false);
  });

  test("a tab whose timers come late asks first", () => {
    const s = live();
    expect(s.tick(60_000)).toBe(true);
    expect(frames(s, 60_000)).toEqual([{ type: "ping" }]);
    expect(s.tick(69_999)).toBe(true);
    expect(s.tick(70_000)).toBe(false);
    hear(s, { type: "pong" }, 70_000);
    expect(s.tick(70_001)).toBe(true);
  });

  test("a client that posts pings a heartbeat after what it sent last, whatever it hears", () => {
    const s = make();
    s.connect("sse", 0);
    hear(s, welcome(0), 100);
    s.heard(4_000);
    expect(s.nextDeadline()).toBe(5_000);
    s.tick(5_000);
    expect(frames(s, 5_000)).toEqual([{ type: "ping" }]);
    hear(s, { type: "pong" }, 5_010);
    expect(s.nextDeadline()).toBe(10_000);
  });

  test("a server that never welcomes is given up", () => {
    const s = make();
    s.connect("websocket", 0);
    expect(s.tick(14_999)).toBe(true);
    expect(s.tick(15_000)).toBe(false);
  });
});

describe("the end", () => {
  test("each wait is twice as long, up to five seconds, and short again after a welcome", () => {
    const s = make();
    const waits = Array.from({ length: 8 }, () => s.lost(1006)).map((n) => (n.again ? n.wait : -1));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    s.connect("websocket", 0);
    hear(s, welcome(0));
    expect(s.lost(1001)).toEqual({ again: true, wait: 100 });
  });

  test("a wait is shortened by up to a half", () => {
    const s = new Session({ client: "t", name: "", version: "", lang: "en", watch: false, random: () => 0 });
    expect(s.lost(1006)).toEqual({ again: true, wait: 50 });
  });

  test.each([4401, 4403, 4409, 4410])("after %i it does not come back", (code) => {
    expect(live().lost(code)).toEqual({ again: false });
  });

  test.each([1000, 1001, 1006, 4400, 4408, 4413, 4429, 4500])("after %i it does", (code) => {
    expect(live().lost(code).again).toBe(true);
  });
});

describe("wishes", () => {
  test("after each welcome it says again that it watches and whether it is seen", () => {
    const s = make(undefined, true);
    s.setVisible(true);
    for (let i = 0; i < 2; i++) {
      s.connect("websocket", 0);
      expect(frames(s)).toEqual([]);
      hear(s, welcome(0));
      expect(frames(s)).toEqual([{ type: "watch", ref: "watch" }, { type: "visibility", visible: true }]);
      s.lost(1006);
    }
  });

  test("an older server that knows no hints is no problem", () => {
    const s = live(0, true);
    expect(hear(s, { type: "error", code: "realtime.unknown_type", title: "", ref: "watch" }).kind).toBe("nothing");
  });

  test("what is not of the protocol is a fault", () => {
    expect(live().receive(0, "nonsense").kind).toBe("fault");
    expect(live().receive(0, "[]").kind).toBe("fault");
    const s = make();
    s.connect("websocket", 0);
    expect(hear(s, message(1)).kind).toBe("fault");
    expect(hear(live(), { type: "something new" }).kind).toBe("nothing");
  });
});
