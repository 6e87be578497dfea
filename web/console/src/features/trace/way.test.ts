import { expect, test } from "vitest";
import type { Schemas } from "@bida/shared/api";
import { brokenAt, firstStop, steps } from "./way";

const stage = (name: string, second: number | null, result = name) => ({
  stage: name, at: second === null ? null : new Date(Date.UTC(2026, 10, 26, 9, 0, second)).toISOString(), node: null, result, code: null,
}) as unknown as Schemas["Stage"];

test("the time between two stages is beside the second", () => {
  expect(steps([stage("intake", 0), stage("stored", 2), stage("pushed", null), stage("received", 5)]).map((s) => s.after)).toEqual([undefined, 2000, undefined, undefined]);
  expect(steps([stage("intake", 3), stage("stored", 2)]).map((s) => s.after)).toEqual([undefined, 0]); // a clock that was set back
});

test("the way is broken where the last thing that happened went wrong", () => {
  expect(brokenAt({ message: "m1", stages: [stage("intake", 0), stage("pushed", 1), stage("received", 1)] })).toBe(-1);
  expect(brokenAt({ message: "m1", stages: [stage("intake", 0), stage("pushed", 1, "unacknowledged"), stage("withdrawn", 30)] })).toBe(2);
  expect(brokenAt({ message: null, stages: [stage("intake", 0, "refused")] })).toBe(0);
});

test("what was mended by a colleague or another client is not broken any more", () => {
  expect(brokenAt({ message: "m1", stages: [stage("pushed", 1, "unacknowledged"), stage("withdrawn", 30), stage("pushed", 31), stage("received", 31)] })).toBe(-1);
});

test("what a filter rule kept back is broken until it is released", () => {
  const held = [stage("intake", 0), stage("decided", 1, "quarantined")];
  expect(brokenAt({ message: "m1", stages: held })).toBe(1);
  expect(brokenAt({ message: "m1", stages: [...held, stage("released", 9), stage("decided", 9, "routed")] })).toBe(-1);
});

test("a candidate stands under the first gate that stops it", () => {
  const gate = (name: string, outcome: string) => ({ gate: name, outcome, code: null, until: null }) as unknown as Schemas["Gate"];
  expect(firstStop({ agent: "a", gates: [gate("account.state", "pass"), gate("client.notify", "not_applicable"), gate("presence", "block"), gate("capacity", "block")] })?.gate).toBe("presence");
  expect(firstStop({ agent: "a", gates: [gate("account.state", "pass")] })).toBeUndefined();
});

test("that somebody may not notice stops nobody", () => {
  expect(firstStop({ agent: "a", gates: [{ gate: "client.notify", outcome: "unknown", code: "client.notify.unreported", until: "" }, { gate: "routing", outcome: "block", code: "routing.not_chosen", until: "" }] })?.gate).toBe("routing");
});
