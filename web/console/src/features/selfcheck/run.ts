import { ask, type Schemas } from "@bida/shared/api";
import { readEvidence } from "@bida/shared/evidence";
import type { Asked } from "@bida/shared/realtime";
import { api } from "../../app/api";
import { clientName, clientVersion, lookForNewVersion } from "../../app/version";
import type { Live } from "../workspace/live";
import { playNow, soundOn } from "../workspace/sound";
import { runChecks, type Found, type World } from "./checks";

/** worldOf is this tab. It is loud where the person has asked for the check with a click: then a sound may be played. */
function worldOf(live: Live | undefined, loud: boolean): World {
  const gone = (): Promise<never> => Promise.reject(new Error("not connected"));
  const realtime = live?.realtime;
  const client = realtime?.client ?? "";
  return {
    now: () => Date.now(),
    after: (ms, f) => {
      const timer = setTimeout(f, ms);
      return () => clearTimeout(timer);
    },
    live: () => realtime?.status.state === "live" || realtime?.status.state === "catching_up",
    connect: (changed) => {
      const stop = realtime?.on("status", changed);
      realtime?.retryNow();
      return () => stop?.();
    },
    roundTrip: () => realtime?.roundTrip() ?? gone(),
    reconnect: () => realtime?.reconnect() ?? gone(),
    arrivals: (arrived) => realtime?.on("event", (e) => {
      if (e.event === "test" && e.client === client && e.message !== undefined) arrived(e.message);
    }) ?? (() => undefined),
    sendTest: async () => (await ask(api.POST("/me/self-check/messages", { body: { client } }))).message,
    stage: async (message) => (await ask(api.GET("/me/self-check/messages/{id}", { params: { path: { id: message }, query: { client } } }))).stage,
    required: async () => {
      const { update } = await ask(api.GET("/announcements", { params: { query: { client: clientName, version: clientVersion() } } }));
      return (update as Schemas["Update"] | null) !== null;
    },
    outdated: () => lookForNewVersion(),
    evidence: () => readEvidence(soundOn()),
    ...(loud ? { play: playNow } : {}),
  };
}

let running: Promise<readonly Found[]> | undefined;

/** check tries this tab out. One check at a time: whoever asks while one is under way is given its findings. */
export function check(live: Live | undefined, loud: boolean, tell: (found: Found) => void = () => undefined): Promise<readonly Found[]> {
  if (running !== undefined) {
    return running.then((found) => {
      found.forEach(tell);
      return found;
    });
  }
  running = runChecks(worldOf(live, loud), tell).finally(() => (running = undefined));
  return running;
}

/** report sends the server what was found. That it is kept there is of use to others; the person has it on the screen. */
export async function report(live: Live, found: readonly Found[], to?: string): Promise<void> {
  await ask(api.POST("/me/self-check/results", {
    body: { client: live.realtime.client, ...(to === undefined ? {} : { check: to }), tests: found.map(({ test, outcome, result, ms }) => ({ test, outcome, result, ...(ms === undefined ? {} : { ms }) })) },
  })).catch(() => undefined);
}

/** answer checks this tab for somebody else who asked. The person is told by a notice of the server. */
export async function answer(live: Live, asked: Asked): Promise<void> {
  await report(live, await check(live, false), asked.check);
}
