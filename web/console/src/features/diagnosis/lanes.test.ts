import { expect, test } from "vitest";
import { hoursOf, piecesOf, placeOf } from "./lanes";

const from = "2026-11-26T00:00:00Z";
const to = "2026-11-26T10:00:00Z";
const span = (value: string, a: string, b: string | null) => ({ value, from: `2026-11-${a}:00:00Z`, to: b === null ? null : `2026-11-${b}:00:00Z` });

test("spans are cut to the time that is drawn", () => {
  const pieces = piecesOf([span("away", "25T20", "26T01"), span("available", "26T01", "26T06"), span("offline", "26T06", null), span("later", "27T00", null)], from, to);
  expect(pieces.map((p) => [p.span.value, p.at, p.width])).toEqual([["away", 0, 0.1], ["available", 0.1, 0.5], ["offline", 0.6, 0.4]]);
});

test("what ended before is not drawn over what follows", () => {
  expect(piecesOf([span("old", "25T01", "25T02")], from, to).map((p) => p.width)).toEqual([0]);
});

test("an instant outside the time lies at its edge", () => {
  expect(placeOf("2026-11-26T05:00:00Z", from, to)).toBe(0.5);
  expect(placeOf("2026-11-27T05:00:00Z", from, to)).toBe(1);
});

test("an axis has a few marks on round hours", () => {
  for (const hours of [6, 24, 72, 168, 720]) {
    const end = new Date(Date.parse(from) + hours * 3_600_000).toISOString();
    const marks = hoursOf(from, end);
    expect(marks.length).toBeGreaterThan(1);
    expect(marks.length).toBeLessThanOrEqual(7);
    for (const m of marks) expect(m.getMinutes()).toBe(0);
  }
});
