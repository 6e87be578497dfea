import { expect, test } from "vitest";
import { wordsIn } from "@bida/shared/text";
import { saidBy } from "./clients";
import { clientsText } from "./clients.text";

const t = wordsIn(clientsText, "en");
const title = (inbox: string): string => (inbox === "web" ? "Website" : inbox);

test("of a report everything that stands out is said, in words", () => {
  expect(saidBy({
    browser: "Chrome 156", mode: "tab", notifications: "denied", secure: false, sound: "blocked", muted: true, storage: "full", reconnects: 7, gaps: 1,
    clock_offset_ms: -185_000, filter: { tab: "waiting", inbox: "web", kind: "group", unread: true, search: true },
  }, t, "en", title)).toEqual([
    "Chrome 156", "browser tab", "notifications denied", "no secure context", "sound blocked by the browser", "silenced", "storage full",
    "the list shows only: waiting, Website, group messages, unread, what is searched for", "7 reconnects", "1 gap in the sequence", "clock behind by 3 min",
  ]);
});

test("of what is as it should be, and of what was left out, nothing is said", () => {
  expect(saidBy({}, t, "en", title)).toEqual([]);
  expect(saidBy({ browser: "", muted: false, reconnects: 4, gaps: 0, clock_offset_ms: 90_000, filter: {} }, t, "en", title)).toEqual([]);
  expect(saidBy({ filter: { tab: "none" }, mode: "kiosk" }, t, "en", title)).toEqual(["kiosk", "no list in view"]);
});
