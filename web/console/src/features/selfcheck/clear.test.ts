import { beforeEach, expect, test, vi } from "vitest";
import { clear, unsent, type Device } from "./clear";

const forget = vi.fn(() => Promise.resolve());
const device: Device = { local: localStorage, tab: sessionStorage, forget };

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  forget.mockClear();
  for (const key of ["bida.preferences", "bida.sound", "bida.read.a", "bida.traces", "other.program", "bida.draft.a.c1.reply", "bida.draft.a.c2.note", "bida.draft.b.c1.reply", "bida.outbox.b"]) {
    localStorage.setItem(key, "[1]");
  }
  localStorage.setItem("bida.outbox.a", "[1,2,3]");
  for (const key of ["bida.realtime.cursor.a", "bida.realtime.tab", "bida.deliveries.a", "bida.edit.a.inbox.web", "bida.edit.b.inbox.web"]) sessionStorage.setItem(key, "1");
});

const keys = (storage: Storage): string[] => Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "").sort();

test("what was not sent is counted, of this account only", () => {
  expect(unsent("a", device)).toEqual({ drafts: 2, outgoing: 3, edits: 1 });
  expect(unsent("c", device)).toEqual({ drafts: 0, outgoing: 0, edits: 0 });
  localStorage.setItem("bida.outbox.a", "nonsense");
  expect(unsent("a", device).outgoing).toBe(0);
});

test("everything goes but preferences, other programs' data, and what was not sent", async () => {
  await clear("a", false, device);
  expect(keys(localStorage)).toEqual([
    "bida.draft.a.c1.reply", "bida.draft.a.c2.note", "bida.draft.b.c1.reply", "bida.outbox.a", "bida.outbox.b", "bida.preferences", "bida.sound", "other.program",
  ]);
  expect(keys(sessionStorage)).toEqual(["bida.edit.a.inbox.web", "bida.edit.b.inbox.web"]);
  expect(forget).toHaveBeenCalledOnce();
});

test("who agrees loses the own unsent work, and nobody else's", async () => {
  await clear("a", true, device);
  expect(keys(localStorage)).toEqual(["bida.draft.b.c1.reply", "bida.outbox.b", "bida.preferences", "bida.sound", "other.program"]);
  expect(keys(sessionStorage)).toEqual(["bida.edit.b.inbox.web"]);
});

test("a browser that keeps nothing has nothing to lose, and is cleared all the same", async () => {
  const forbidden = { get length(): number { throw new Error("SecurityError"); } } as Storage;
  const none: Device = { local: forbidden, tab: forbidden, forget };
  expect(unsent("a", none)).toEqual({ drafts: 0, outgoing: 0, edits: 0 });
  await clear("a", true, none);
  expect(forget).toHaveBeenCalledOnce();
});
