import { describe, expect, test } from "vitest";
import { RealtimeClient } from "./client";
import { FakeEnvironment, message } from "./fake";

function room(): { env: FakeEnvironment; client: RealtimeClient } {
  const env = new FakeEnvironment();
  const client = new RealtimeClient({ account: "agent-a", name: "bida-console", version: "1", lang: "zh", environment: env, watch: false });
  client.start();
  return { env, client };
}

const reports = (env: FakeEnvironment): unknown[] => env.socket.take().filter((f) => f["type"] === "report");

describe("a report", () => {
  test("is sent after each welcome, with what the session has seen itself", () => {
    const { env, client } = room();
    client.report({ notifications: "denied", secure: true });
    env.socket.welcome(0);
    env.settle();
    expect(reports(env)).toEqual([{ type: "report", notifications: "denied", secure: true, reconnects: 0, gaps: 0, ref: "report" }]);
    env.socket.say(message(9)); // a hole
    env.settle();
    env.pass(5_000);
    env.socket.welcome(0);
    env.settle();
    expect(reports(env)).toEqual([{ type: "report", notifications: "denied", secure: true, reconnects: 1, gaps: 1, ref: "report" }]);
  });

  test("is sent again when it says something else, changes of a moment together", () => {
    const { env, client } = room();
    client.report({ sound: "on" });
    env.socket.welcome(0);
    env.settle();
    reports(env);
    client.report({ sound: "on" });
    env.pass(1_000);
    expect(reports(env)).toEqual([]);
    client.report({ sound: "off" });
    client.report({ sound: "blocked", filter: { tab: "mine" } });
    env.pass(299);
    expect(reports(env)).toEqual([]);
    env.pass(1);
    expect(reports(env)).toMatchObject([{ sound: "blocked", filter: { tab: "mine" } }]);
  });

  test("has by how much the clocks differ, and again when that changed by a second", () => {
    const { env, client } = room();
    client.report({ mode: "tab" });
    env.socket.welcome(0);
    env.settle();
    expect(env.socket.take().map((f) => f["type"])).toContain("ping"); // asked for with the first report
    const answer = (after: number, offset: number): unknown[] => {
      const asked = env.now();
      env.freeze(after);
      env.socket.say({ type: "pong", at: new Date(asked + after / 2 - offset).toISOString() });
      env.settle();
      return reports(env);
    };
    expect(answer(80, 180_000)).toMatchObject([{ clock_offset_ms: 180_000 }]);
    env.pass(5_000);
    env.socket.take();
    expect(answer(40, 180_900)).toEqual([]);
    env.pass(5_000);
    env.socket.take();
    expect(answer(40, -2_000)).toMatchObject([{ clock_offset_ms: -2_000 }]);
    env.socket.say({ type: "pong" }); // an older server
    env.settle();
    expect(reports(env)).toEqual([]);
  });

  test("that an older server does not know is no problem; one that is refused is", () => {
    const { env, client } = room();
    const problems: string[] = [];
    client.on("problem", (p) => problems.push(p.code));
    client.report({ mode: "tab" });
    env.socket.welcome(0);
    env.socket.say({ type: "error", code: "realtime.unknown_type", title: "", ref: "report" });
    env.socket.say({ type: "error", code: "realtime.report_invalid", title: "", detail: "/mode", ref: "report" });
    expect(problems).toEqual(["realtime.report_invalid"]);
    expect(client.status.state).toBe("live");
  });

  test("is not made by a client that has nothing to tell", () => {
    const { env } = room();
    env.socket.welcome(0);
    env.settle();
    expect(env.socket.take().map((f) => f["type"])).toEqual(["visibility"]);
  });
});
