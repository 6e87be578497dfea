import { expect, test } from "vitest";
import { byUrgency } from "./urgency";
import { nameOf } from "./name";
import { sumUp } from "./reception";
import type { Conversation } from "./queries";

const conversation = (id: string, change: Partial<Conversation>): Conversation => ({
  id, inbox: "web", inbox_title: "官网", mode: "live", contact: "u", kind: "customer", status: "open", owner: "a", accepted: true, sequence: 1, answered: 0,
  opened_at: "2026-11-26T09:00:00Z", updated_at: "2026-11-26T09:00:00Z", unanswered: 0, ...change,
});

test("who waits the longest comes first, then whom one spoke with last", () => {
  const said = (at: string): Partial<Conversation> => ({ last_message: { at, direction: "out", kind: "customer", text: "" } });
  const list = [
    conversation("c1", said("2026-11-26T09:10:00Z")),
    conversation("c2", { unanswered: 1, unanswered_since: "2026-11-26T09:20:00Z" }),
    conversation("c3", said("2026-11-26T09:30:00Z")),
    conversation("c4", { unanswered: 3, unanswered_since: "2026-11-26T09:05:00Z" }),
  ];
  expect(list.sort(byUrgency).map((c) => c.id)).toEqual(["c4", "c2", "c3", "c1"]);
});

test("a customer without a name is called by the end of the id", () => {
  const t = { noName: (contact: string) => `客户 ${contact}` };
  expect(nameOf({ contact: "u1", contact_name: "  王小明 " }, t)).toBe("王小明");
  expect(nameOf({ contact: "u1", contact_name: "  " }, t)).toBe("客户 u1");
  expect(nameOf({ contact: "v-1234567890abcdef" }, t)).toBe("客户 …90abcdef");
});

test("what one can receive is summed up by what stops most firmly", () => {
  const cell = (outcome: "pass" | "block" | "wait" | "unknown") => ({ inbox: "web", inbox_title: "官网", kind: "customer", can: outcome === "pass", outcome });
  expect(sumUp([]).outcome).toBe("not_applicable");
  expect(sumUp([cell("pass"), cell("pass")]).outcome).toBe("pass");
  expect(sumUp([cell("pass"), cell("block")]).outcome).toBe("wait");
  expect(sumUp([cell("wait"), cell("block")])).toMatchObject({ outcome: "block", can: 0, first: { outcome: "block" } });
  expect(sumUp([cell("wait"), cell("wait")]).outcome).toBe("wait");
  expect(sumUp([cell("wait"), cell("unknown")]).outcome).toBe("unknown");
});
