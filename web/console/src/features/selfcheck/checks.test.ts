import { describe, expect, test, vi } from "vitest";
import { ApiError } from "@bida/shared/api";
import type { ClientEvidence } from "@bida/shared/evidence";
import { runChecks, tests, type Found, type Stage, type World } from "./checks";

const good: ClientEvidence = { notifications: "granted", secure: true, sound: "on", browser: "Chrome 156", mode: "tab", storage: "ok", visible: true };

/** A world in which all is well, on the fake clock of vitest, with what a test changes. */
function world(change: Partial<World> & { readonly evidenceOf?: Partial<ClientEvidence> } = {}): World {
  const listeners = new Set<(id: string) => void>();
  const { evidenceOf, ...rest } = change;
  return {
    now: () => Date.now(),
    after: (ms, f) => {
      const timer = setTimeout(f, ms);
      return () => clearTimeout(timer);
    },
    live: () => true,
    connect: () => () => undefined,
    roundTrip: () => Promise.resolve({ ms: 8, ahead: 0 }),
    reconnect: () => Promise.resolve({ ms: 40, whole: true }),
    arrivals: (f) => {
      listeners.add(f);
      return () => void listeners.delete(f);
    },
    sendTest: () => {
      queueMicrotask(() => {
        for (const f of listeners) f("m7");
      });
      return Promise.resolve("m7");
    },
    stage: () => Promise.resolve<Stage>("received"),
    required: () => Promise.resolve(false),
    outdated: () => Promise.resolve(false),
    evidence: () => ({ ...good, ...evidenceOf }),
    play: () => Promise.resolve(true),
    ...rest,
  };
}

const never = <T,>(): Promise<T> => new Promise<T>(() => undefined);

/** Runs the checks on the fake clock, and says when they were over. */
async function run(w: World): Promise<{ readonly found: readonly Found[]; readonly took: number; readonly told: readonly string[]; readonly of: (test: string) => Found | undefined }> {
  vi.useFakeTimers({ now: 1_000_000 });
  try {
    const told: string[] = [];
    let over: number | undefined;
    const running = runChecks(w, (f) => told.push(f.test)).then((found) => {
      over = Date.now();
      return found;
    });
    await vi.advanceTimersByTimeAsync(6_000);
    const found = await running;
    return { found, took: (over ?? Infinity) - 1_000_000, told, of: (name) => found.find((f) => f.test === name) };
  } finally {
    vi.useRealTimers();
  }
}

test("where all is well every test passes, once, in the order in which they are shown", async () => {
  const { found, told, of } = await run(world());
  expect(found.map((f) => f.test)).toEqual(tests);
  expect([...told].sort()).toEqual([...tests].sort());
  expect(found.filter((f) => f.outcome !== "pass" || f.result !== "ok")).toEqual([]);
  expect(of("socket")).toMatchObject({ ms: 8 });
  expect(of("reconnect")).toMatchObject({ ms: 40 });
});

test("whatever never answers, all is over within four seconds, and said to be unknown", async () => {
  const { found, took } = await run(world({
    roundTrip: never, reconnect: never, sendTest: never, stage: never, required: never, outdated: never, play: never,
  }));
  expect(took).toBeLessThanOrEqual(4_000);
  for (const name of ["socket", "message", "reconnect", "version", "sound"]) {
    expect(found.find((f) => f.test === name), name).toMatchObject({ outcome: "unknown", result: "timed_out" });
  }
});

test("what fails by itself is untried, and keeps nothing from the others", async () => {
  const broken = (): Promise<never> => Promise.reject(new Error("broken"));
  const { found } = await run(world({ roundTrip: broken, reconnect: broken, sendTest: broken, required: broken, play: broken }));
  for (const name of ["socket", "message", "reconnect", "version", "sound", "clock"]) {
    expect(found.find((f) => f.test === name), name).toMatchObject({ outcome: "unknown", result: "untried" });
  }
  expect(found.find((f) => f.test === "storage")).toMatchObject({ outcome: "pass" });
});

describe("the connection", () => {
  test("one that is gone is tried again, and without it nothing is sent", async () => {
    const sendTest = vi.fn();
    const { of, took } = await run(world({ live: () => false, sendTest }));
    expect(of("socket")).toMatchObject({ outcome: "block", result: "not_connected" });
    expect(of("message")).toMatchObject({ outcome: "block", result: "not_connected" });
    expect(of("reconnect")).toMatchObject({ outcome: "block", result: "not_connected" });
    expect(of("clock")).toMatchObject({ outcome: "unknown" });
    expect(sendTest).not.toHaveBeenCalled();
    expect(took).toBeLessThanOrEqual(1_000);
  });

  test("one that comes back in time is used", async () => {
    let live = false;
    const connect = (changed: () => void): (() => void) => {
      setTimeout(() => {
        live = true;
        changed();
      }, 300);
      return () => undefined;
    };
    const { of } = await run(world({ live: () => live, connect }));
    expect(of("socket")).toMatchObject({ outcome: "pass" });
    expect(of("message")).toMatchObject({ outcome: "pass" });
  });

  test("one that comes back with a gap says so", async () => {
    const { of } = await run(world({ reconnect: () => Promise.resolve({ ms: 60, whole: false }) }));
    expect(of("reconnect")).toMatchObject({ outcome: "block", result: "gap", ms: 60 });
  });
});

describe("the test message", () => {
  const silent = (): Pick<World, "sendTest"> => ({ sendTest: () => Promise.resolve("m7") });

  test.each([
    ["stored", "not_pushed"], ["pushed", "not_received"], ["elsewhere", "elsewhere"], ["over", "not_received"], ["received", "not_received"],
  ] as const)("that does not come and is %s is %s", async (stage, result) => {
    const { of } = await run(world({ ...silent(), stage: () => Promise.resolve<Stage>(stage) }));
    expect(of("message")).toMatchObject({ outcome: "block", result });
  });

  test("another's message is not taken for it", async () => {
    const { of } = await run(world({
      ...silent(), stage: () => Promise.resolve<Stage>("stored"), arrivals: (f) => {
        queueMicrotask(() => f("m6"));
        return () => undefined;
      },
    }));
    expect(of("message")).toMatchObject({ result: "not_pushed" });
  });

  test("may come before the server has answered", async () => {
    let arrive: ((id: string) => void) | undefined;
    const { of } = await run(world({
      arrivals: (f) => {
        arrive = f;
        return () => undefined;
      },
      sendTest: () => {
        arrive?.("m7");
        return new Promise((resolve) => setTimeout(() => resolve("m7"), 30));
      },
    }));
    expect(of("message")).toMatchObject({ outcome: "pass", ms: 30 });
  });

  test("counts when its acknowledgement is recorded, which may take a moment", async () => {
    let looks = 0;
    const { of } = await run(world({ stage: () => Promise.resolve<Stage>(++looks < 3 ? "stored" : "received") }));
    expect(of("message")).toMatchObject({ outcome: "pass" });
    expect(looks).toBe(3);
  });

  test("that arrived and whose acknowledgement never does is not received", async () => {
    const { of } = await run(world({ stage: () => Promise.resolve<Stage>("pushed") }));
    expect(of("message")).toMatchObject({ outcome: "block", result: "not_received" });
  });

  test.each([
    [new ApiError(409, "self_check.not_connected", ""), "not_connected"], [new ApiError(429, "self_check.limited", ""), "limited"], [new ApiError(503, "system.health.store", ""), "refused"],
  ] as const)("that the server refuses says why (%s)", async (error, result) => {
    const { of } = await run(world({ sendTest: () => Promise.reject(error) }));
    expect(of("message")).toMatchObject({ outcome: "block", result });
    expect(of("reconnect")).toMatchObject({ outcome: "pass" });
  });
});

describe("the clock", () => {
  test.each([
    [0, "pass", "ok"], [119_000, "pass", "ok"], [-119_000, "pass", "ok"], [180_000, "block", "ahead"], [-180_000, "block", "behind"],
  ] as const)("%i ms ahead is %s", async (offset, outcome, result) => {
    const { of } = await run(world({ roundTrip: () => Promise.resolve({ ms: 8, ahead: offset }) }));
    expect(of("clock")).toMatchObject({ outcome, result, ms: offset });
  });

  test("of a server that does not tell its time is not known", async () => {
    const { of } = await run(world({ roundTrip: () => Promise.resolve({ ms: 8 }) }));
    expect(of("socket")).toMatchObject({ outcome: "pass" });
    expect(of("clock")).toMatchObject({ outcome: "unknown", result: "untried" });
  });
});

describe("the browser", () => {
  test.each([
    [{ notifications: "denied" }, "notifications", "denied"], [{ notifications: "default" }, "notifications", "not_asked"],
    [{ notifications: "unsupported" }, "notifications", "unsupported"], [{ secure: false }, "secure", "insecure"],
    [{ storage: "full" }, "storage", "full"], [{ storage: "denied" }, "storage", "denied"], [{ sound: "off" }, "sound", "off"], [{ sound: "unsupported" }, "sound", "unsupported"],
  ] as const)("%j", async (evidenceOf, name, result) => {
    const { of } = await run(world({ evidenceOf }));
    expect(of(name)).toMatchObject({ outcome: "block", result });
  });

  test("a sound that cannot be heard is blocked, whatever the browser says before", async () => {
    expect((await run(world({ play: () => Promise.resolve(false) }))).of("sound")).toMatchObject({ result: "blocked" });
    expect((await run(world({ evidenceOf: { sound: "blocked" } }))).of("sound")).toMatchObject({ outcome: "pass" }); // asked for by a click
  });

  test("where somebody else asks nothing is played", async () => {
    const { play: _play, ...quiet } = world({ evidenceOf: { sound: "blocked" } });
    expect((await run(quiet)).of("sound")).toMatchObject({ outcome: "block", result: "blocked" });
  });

  test.each([[true, false, "required"], [true, true, "required"], [false, true, "outdated"]] as const)("of a version (required %s, outdated %s)", async (required, outdated, result) => {
    const { of } = await run(world({ required: () => Promise.resolve(required), outdated: () => Promise.resolve(outdated) }));
    expect(of("version")).toMatchObject({ outcome: "block", result });
  });
});
