import { describe, expect, it } from "vitest";
import { spans, untilOf } from "./snooze";

describe("the time to which a conversation is set aside", () => {
  it("is as far ahead as it says", () => {
    const now = new Date(2026, 11, 31, 23, 50);
    expect([untilOf("half", now), untilOf("hour", now), untilOf("hours", now)].map((at) => (at.getTime() - now.getTime()) / 60_000)).toEqual([30, 60, 240]);
  });

  it("is the next morning, also over the end of a year", () => {
    expect(untilOf("tomorrow", new Date(2026, 11, 31, 23, 50))).toEqual(new Date(2027, 0, 1, 9));
    expect(untilOf("tomorrow", new Date(2026, 10, 26, 0, 5))).toEqual(new Date(2026, 10, 27, 9));
  });

  it("is always to come", () => {
    const now = new Date();
    for (const span of spans) expect(untilOf(span, now).getTime()).toBeGreaterThan(now.getTime());
  });
});
