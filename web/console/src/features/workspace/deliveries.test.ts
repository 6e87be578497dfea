import { expect, test } from "vitest";
import type { StreamEvent } from "@bida/shared/realtime";
import { Deliveries } from "./deliveries";
import { FakeKeep } from "./fake";

const event = (agent_sequence: number, change: Partial<StreamEvent> = {}): StreamEvent => ({ event: "message", agent_sequence, at: "2026-11-26T09:00:00Z", conversation: "c1", message: `m${agent_sequence}`, ...change });

test("an entry is acknowledged once as seen and once as accepted", () => {
  const d = new Deliveries("a", new FakeKeep());
  d.handle(event(1));
  d.handle(event(2));
  d.handle(event(2));
  d.handle(event(3, { conversation: "c2" }));
  expect(d.unseen("c1")).toBe(2);
  expect(d.see("c1")).toEqual([1, 2]);
  expect(d.see("c1")).toEqual([]);
  expect(d.accept("c1")).toEqual([1, 2]);
  expect(d.accept("c1")).toEqual([]);
  expect(d.accept("c2")).toEqual([3]);
  expect(d.see("c2")).toEqual([]); // who opened it has seen it
});

test("what is still to be acknowledged outlives a reload of the tab", () => {
  const keep = new FakeKeep();
  const before = new Deliveries("a", keep);
  before.handle(event(1));
  before.handle(event(2));
  before.accept("c2");
  before.see("c1");
  const after = new Deliveries("a", keep);
  expect(after.see("c1")).toEqual([]);
  expect(after.accept("c1")).toEqual([1, 2]);
  keep.kept.set("bida.deliveries.a", "[{\"entry\":\"x\"}]");
  expect(new Deliveries("a", keep).accept("c1")).toEqual([]);
});

test("what was taken back is not acknowledged, and says why, once for all that went together", () => {
  const d = new Deliveries("a", new FakeKeep());
  d.handle(event(1));
  d.handle(event(2));
  d.handle(event(3, { event: "withdrawn", withdraws: 1, reason: "超时未接待" }));
  d.handle(event(4, { event: "withdrawn", withdraws: 2, reason: "超时未接待" }));
  d.handle(event(5, { event: "tombstone", reason: "您已不在该接待渠道" }));
  expect(d.see("c1")).toEqual([]);
  expect(d.remarks("c1").map((r) => r.text)).toEqual(["超时未接待", "您已不在该接待渠道"]);
  expect(d.remarks("c2")).toEqual([]);
});

test("an entry that the server refused is forgotten, and a notice is no delivery of a conversation", () => {
  const d = new Deliveries("a", new FakeKeep());
  d.handle(event(1));
  d.handle({ event: "notice", agent_sequence: 2, at: "2026-11-26T09:00:00Z", text: "x" });
  d.refused([1]);
  expect(d.accept("c1")).toEqual([]);
});
