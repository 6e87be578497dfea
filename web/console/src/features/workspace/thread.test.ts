import { expect, test } from "vitest";
import { extend, lay, merge, newest, onTheirWay, refresh, unbroken, type Message, type MessagePage, type Thread } from "./thread";

const at = (minute: number, day = 26): string => new Date(2026, 10, day, 9, minute).toISOString();

function message(sequence: number, change: Partial<Message> = {}): Message {
  return { id: `m${sequence}`, sequence, direction: "in", kind: "customer", text: `text ${sequence}`, at: at(sequence), attachments: [], ...change };
}

const range = (from: number, to: number): Message[] => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

/** A server with messages up to a sequence, in pages of three. */
function server(last: number): { read: (before: number) => Promise<MessagePage>; asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    read: (before) => {
      asked.push(before);
      const end = Math.min(before - 1, last);
      const start = Math.max(1, end - 2);
      return Promise.resolve({ messages: end < 1 ? [] : range(start, end), older: start > 1 });
    },
  };
}

const sequences = (t: Thread): number[] => t.messages.map((m) => m.sequence);

test("what is read later wins, in order, and nothing is there twice", () => {
  const known = [message(1), message(2, { state: "sent" })];
  const merged = merge(known, [message(3), message(2, { state: "delivered" })]);
  expect(merged.map((m) => [m.sequence, m.state])).toEqual([[1, undefined], [2, "delivered"], [3, undefined]]);
  expect(unbroken([message(1), message(3), message(4)]).map((m) => m.sequence)).toEqual([3, 4]);
  expect(unbroken([])).toEqual([]);
});

test("a thread begins with the newest page and is read on backwards to its beginning", async () => {
  const s = server(8);
  let thread = await refresh(s.read);
  expect([sequences(thread), thread.older, s.asked]).toEqual([[6, 7, 8], true, [newest]]);
  thread = await extend(s.read, thread);
  thread = await extend(s.read, thread);
  expect([sequences(thread), thread.older]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], false]);
});

test("reading again adds what came meanwhile, also when it was more than a page", async () => {
  const known: Thread = { messages: range(1, 5), older: false };
  const near = server(6);
  expect(sequences(await refresh(near.read, known))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(near.asked).toHaveLength(1);
  const far = server(12);
  const thread = await refresh(far.read, known);
  expect([sequences(thread), thread.older, far.asked.length]).toEqual([range(1, 12).map((m) => m.sequence), false, 3]);
});

test("where far too much came meanwhile, no gap is hidden: the older part is read when it is wanted", async () => {
  const s = server(100);
  const thread = await refresh(s.read, { messages: range(1, 5), older: false });
  expect(sequences(thread)).toEqual(range(89, 100).map((m) => m.sequence));
  expect(thread.older).toBe(true);
});

test("an empty thread is empty", async () => {
  expect(await refresh(server(0).read)).toEqual({ messages: [], older: false });
});

test("days, what is new, remarks and what is on its way lie in order", () => {
  const items = lay({
    account: "a", read: 2,
    messages: [message(1, { at: at(1, 25) }), message(2, { author: "a", direction: "out" }), message(3), message(4, { at: at(3) }), message(5, { author: "a", direction: "out" }), message(6, { at: at(20) })],
    remarks: [{ id: "r", at: at(10), text: "moved" }],
    sending: [{ id: "w-1", at: at(21) }],
  });
  expect(items.map((i) => (i.type === "message" ? `${i.message.sequence}${i.follows ? "+" : ""}` : i.type === "new" ? `new ${i.count}` : i.type))).toEqual(
    ["day", "1", "day", "2", "new 3", "3", "4+", "5", "remark", "6", "sending"],
  );
});

test("without a reading mark nothing is marked as new, and own messages never are", () => {
  expect(lay({ account: "a", messages: range(1, 3) }).some((i) => i.type === "new")).toBe(false);
  expect(lay({ account: "a", read: 1, messages: [message(1), message(2, { author: "a", direction: "out" })] }).some((i) => i.type === "new")).toBe(false);
});

test("what a rule did stands between the messages as a line: nobody wrote it, and it is not new to read", () => {
  const items = lay({ account: "a", read: 2, messages: [message(1), message(2, { author: "a", direction: "out" }), message(3, { direction: "system", kind: "system" }), message(4, { author: "a", direction: "out" })] });
  expect(items.map((i) => i.type)).toEqual(["day", "message", "message", "line", "message"]);
  expect(items.at(-1)).toMatchObject({ type: "message", follows: false });
});

test("a message on its way is shown once: by the server's id, or by its own when the answer was lost", () => {
  const messages = [message(1), message(2, { author: "a", sender_id: "w-1", direction: "out" }), message(3, { author: "b", sender_id: "w-3", direction: "out" })];
  const sending = [{ id: "w-1", at: at(2) }, { id: "w-2", at: at(2), message: "m2" }, { id: "w-3", at: at(3) }, { id: "w-4", at: at(4), message: "m9" }];
  expect(onTheirWay(sending, messages, "a").map((s) => s.id)).toEqual(["w-3", "w-4"]);
});
