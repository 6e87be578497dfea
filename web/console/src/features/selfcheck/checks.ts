import { ApiError, type Schemas } from "@bida/shared/api";
import type { ClientEvidence } from "@bida/shared/evidence";
import type { RoundTrip } from "@bida/shared/realtime";

export type Test = Schemas["ClientTest"]["test"];

/** What one test found. Which results there are says docs/realtime-protocol.md. */
export interface Found {
  readonly test: Test;
  readonly outcome: "pass" | "block" | "unknown";
  readonly result: string;
  /** How long it took; of the clock by how much it is ahead. */
  readonly ms?: number;
}

/** In the order in which they are shown: first what decides whether anything arrives. */
export const tests: readonly Test[] = ["socket", "message", "reconnect", "version", "notifications", "sound", "secure", "clock", "storage"];

/** Without these nothing arrives in this window; the others say whether its person notices, and whether it lasts. */
export const essential: ReadonlySet<Test> = new Set<Test>(["socket", "message"]);

export type Stage = Schemas["SelfTestStageAnswer"]["stage"];

/** What the tests are done with; tests of the tests bring their own. */
export interface World {
  now(): number;
  /** Calls f once after some milliseconds; the result cancels that. */
  after(ms: number, f: () => void): () => void;
  live(): boolean;
  /** Makes the next attempt to connect now; listeners are told of every change of the connection. The result ends that. */
  connect(changed: () => void): () => void;
  roundTrip(): Promise<RoundTrip>;
  reconnect(): Promise<{ readonly ms: number; readonly whole: boolean }>;
  /** Tells of test messages that arrive for this window, by their ids. The result ends that. */
  arrivals(arrived: (message: string) => void): () => void;
  /** Sends a test message to this window, and gives its id. */
  sendTest(): Promise<string>;
  stage(message: string): Promise<Stage>;
  /** Whether the policy keeps this version of the client from new conversations. */
  required(): Promise<boolean>;
  /** Whether the server has a newer version of this page. */
  outdated(): Promise<boolean>;
  evidence(): ClientEvidence;
  /** Plays the sound of a message, and says whether it could be heard; undefined where nobody has asked for it here, and nothing must be played. */
  readonly play?: () => Promise<boolean>;
}

/** How long each may take: those of the connection come one after the other, and all are over within four seconds. */
const limits = { socket: 900, message: 1_700, reconnect: 1_300, version: 2_500, sound: 1_500 } as const;

/** How far a clock may be off before somebody is told. */
const clockLimit = 120_000;

const late = Symbol("late");

/** within gives up waiting after a time. A hidden tab's timers come up to a second late; that is within five seconds as well. */
function within<T>(world: World, ms: number, promise: Promise<T>): Promise<T | typeof late> {
  return new Promise((resolve, reject) => {
    const cancel = world.after(ms, () => resolve(late));
    promise.then((v) => {
      cancel();
      resolve(v);
    }, (e: unknown) => {
      cancel();
      reject(e instanceof Error ? e : new Error(String(e)));
    });
  });
}

const pass = (test: Test, ms?: number): Found => ({ test, outcome: "pass", result: "ok", ...(ms === undefined ? {} : { ms: Math.round(ms) }) });
const fail = (test: Test, result: string, ms?: number): Found => ({ test, outcome: "block", result, ...(ms === undefined ? {} : { ms: Math.round(ms) }) });
const unclear = (test: Test, result: "untried" | "timed_out"): Found => ({ test, outcome: "unknown", result });

/** attempt does a test that may take its time, or fail by itself. */
async function attempt(world: World, test: keyof typeof limits, run: () => Promise<Found>): Promise<Found> {
  try {
    const found = await within(world, limits[test], run());
    return found === late ? unclear(test, "timed_out") : found;
  } catch {
    return unclear(test, "untried");
  }
}

/** Tries everything out, and tells of each as soon as it is known. It never fails, and never takes longer than the limits. */
export async function runChecks(world: World, tell: (found: Found) => void = () => undefined): Promise<readonly Found[]> {
  const all = new Map<Test, Found>();
  const say = (found: Found): void => {
    all.set(found.test, found);
    tell(found);
  };
  const evidence = world.evidence();
  say(notifications(evidence));
  say(evidence.secure ? pass("secure") : fail("secure", "insecure"));
  say(evidence.storage === "ok" ? pass("storage") : fail("storage", evidence.storage));
  await Promise.all([
    attempt(world, "version", () => version(world)).then(say),
    attempt(world, "sound", () => sound(world, evidence)).then(say),
    connection(world, say),
  ]);
  return tests.map((test) => all.get(test) ?? unclear(test, "untried"));
}

function notifications(evidence: ClientEvidence): Found {
  switch (evidence.notifications) {
    case "granted":
      return pass("notifications");
    case "default":
      return fail("notifications", "not_asked");
    default:
      return fail("notifications", evidence.notifications);
  }
}

async function version(world: World): Promise<Found> {
  const [required, outdated] = await Promise.all([world.required(), world.outdated()]);
  return required ? fail("version", "required") : outdated ? fail("version", "outdated") : pass("version");
}

async function sound(world: World, evidence: ClientEvidence): Promise<Found> {
  if (evidence.sound === "off" || evidence.sound === "unsupported") return fail("sound", evidence.sound);
  if (world.play === undefined) return evidence.sound === "on" ? pass("sound") : fail("sound", evidence.sound);
  return (await world.play()) ? pass("sound") : fail("sound", "blocked");
}

/** connection does what needs one: each test finds what the one before has left. */
async function connection(world: World, say: (found: Found) => void): Promise<void> {
  let ahead: number | undefined;
  say(await attempt(world, "socket", () => socket(world, (ms) => (ahead = ms))));
  say(ahead === undefined ? unclear("clock", "untried") : Math.abs(ahead) <= clockLimit ? pass("clock", ahead) : fail("clock", ahead > 0 ? "ahead" : "behind", ahead));
  if (!world.live()) {
    say(fail("message", "not_connected"));
    say(fail("reconnect", "not_connected"));
    return;
  }
  say(await attempt(world, "message", () => message(world)));
  say(await attempt(world, "reconnect", async () => {
    const again = await world.reconnect();
    return again.whole ? pass("reconnect", again.ms) : fail("reconnect", "gap", again.ms);
  }));
}

async function socket(world: World, clock: (ahead: number | undefined) => void): Promise<Found> {
  if (!world.live() && !(await comesBack(world))) return fail("socket", "not_connected");
  const trip = await world.roundTrip();
  clock(trip.ahead);
  return pass("socket", trip.ms);
}

/** Leaves a connection that is being made a moment, which is shorter than the test's own. */
function comesBack(world: World): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      stop();
      cancel();
      resolve(world.live());
    };
    const cancel = world.after(limits.socket * 0.7, end);
    const stop = world.connect(() => {
      if (world.live()) end();
    });
  });
}

const arriveLimit = 1_000; // for the push, within the test's own time
const recordLimit = 3; // looks at whether the acknowledgement is recorded
const lookAgain = 100;

/** message sends a test message the way real ones go, and follows it: to this window, and its acknowledgement back into the server's records. */
async function message(world: World): Promise<Found> {
  const here = new Set<string>();
  let wanted: string | undefined;
  let arrived: (() => void) | undefined;
  const stop = world.arrivals((id) => {
    here.add(id);
    if (id === wanted) arrived?.();
  });
  try {
    const began = world.now();
    const sent = await world.sendTest();
    wanted = sent;
    const push = here.has(sent) ? Promise.resolve() : new Promise<void>((resolve) => (arrived = resolve));
    const got = (await within(world, arriveLimit, push)) !== late;
    const took = world.now() - began;
    if (!got) return await lost(world, sent);
    for (let look = 0; ; look++) {
      const stage = await world.stage(sent);
      if (stage === "received") return pass("message", took);
      if (look >= recordLimit) return fail("message", stage === "elsewhere" ? "elsewhere" : "not_received");
      await new Promise<void>((resolve) => void world.after(lookAgain, resolve));
    }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error;
    return fail("message", error.code === "self_check.not_connected" ? "not_connected" : error.status === 429 ? "limited" : "refused");
  } finally {
    stop();
  }
}

/** lost says where a message is that has not come to this window. */
async function lost(world: World, id: string): Promise<Found> {
  switch (await world.stage(id)) {
    case "stored":
      return fail("message", "not_pushed");
    case "elsewhere":
      return fail("message", "elsewhere");
    default:
      return fail("message", "not_received");
  }
}
