import { describe, expect, it } from "vitest";
import { datesOf, datesText, linesOf, pointerOf, unannounced, yearOf } from "./calendar";

const year = { source: "国务院", off: [{ name: "元旦", days: ["2027-01-01"] }, { name: "春节", days: ["2027-02-06", "2027-02-07"] }], work: [{ days: ["2027-01-03"] }] };

describe("a year of a calendar", () => {
  it("is written as it was read", () => {
    expect(yearOf(linesOf(year), year)).toEqual(year);
    expect(yearOf([], undefined)).toEqual({});
    expect(linesOf(undefined)).toEqual([]);
  });

  it("names the place of a line as the server does", () => {
    const list = linesOf(year);
    expect(list.map((_, i) => pointerOf(list, i))).toEqual(["/off/0", "/off/1", "/work/0"]);
    expect(pointerOf([{ type: "work", name: "", days: [] }, ...list], 3)).toBe("/work/1");
  });

  it("that is not announced is named, up to 90 days ahead", () => {
    expect(unannounced(["2026"], new Date(2026, 5, 1))).toEqual([]);
    expect(unannounced(["2026"], new Date(2026, 10, 26))).toEqual(["2027"]);
    expect(unannounced([], new Date(2026, 10, 26))).toEqual(["2026", "2027"]);
  });
});

describe("dates that somebody types", () => {
  it("are single days or spans, each once", () => {
    expect(datesOf("2027-02-28..2027-03-02, 2027-03-02、2027-05-01")).toEqual(["2027-02-28", "2027-03-01", "2027-03-02", "2027-05-01"]);
    expect(datesOf("")).toEqual([]);
  });
  it("stay as they are where they are none, and a span that goes back too", () => {
    expect(datesOf("soon 2027-03-02..2027-03-01")).toEqual(["soon", "2027-03-02..2027-03-01"]);
  });
  it("are read back from how they are written", () => {
    const list = ["2027-02-06", "2027-02-07", "2027-02-08", "2027-05-01", "2027-05-02"];
    expect(datesText(list)).toBe("2027-02-06..2027-02-08 2027-05-01 2027-05-02");
    expect(datesOf(datesText(list))).toEqual(list);
  });
});
