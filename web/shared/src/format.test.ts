import { expect, test } from "vitest";
import { ago, clock, day, exact, kindTitle, size, span } from "./format";

const now = new Date(2026, 10, 26, 14, 5, 9);

test("a time is as short as it is clear", () => {
  expect(clock(new Date(2026, 10, 26, 9, 3), "zh", now)).toBe("09:03");
  expect(clock(new Date(2026, 10, 26, 0, 0), "zh", now)).toBe("00:00");
  expect(clock(new Date(2026, 10, 25, 9, 3), "zh", now)).toMatch(/11月25日.*09:03/);
  expect(clock(new Date(2025, 10, 25, 9, 3), "en", now)).toMatch(/25 Nov 2025.*09:03/);
  expect(day(new Date(2026, 10, 25, 23, 59), "zh", now)).toBe("昨天");
  expect(day(new Date(2026, 10, 26), "en", now)).toBe("Today");
});

test("how long ago is said in one unit", () => {
  expect(ago(now, "zh", now)).toBe("刚刚");
  expect(ago(new Date(now.getTime() - 120_000), "zh", now)).toMatch(/2\s*分钟前/);
  expect(ago(new Date(now.getTime() + 60_000), "en", now)).toBe("just now"); // the server's clock is ahead
});

test("lengths of time and sizes have one unit", () => {
  expect([span(32, "zh"), span(1234, "zh"), span(12_400, "en"), span(190_000, "en")]).toEqual(["32 ms", "1.2 秒", "12 s", "3 min"]);
  expect([size(10), size(2048), size(1.5 * 1024 * 1024), size(20 * 1024 * 1024)]).toEqual(["10 B", "2 KB", "1.5 MB", "20 MB"]);
});

test("an exact time has milliseconds and an offset", () => {
  expect(exact(now)).toMatch(/^2026-11-26 14:05:09\.000 [+-]\d\d:\d\d$/);
});

test("a kind that policy added is called by its name", () => {
  expect(kindTitle("group", "zh")).toBe("群消息");
  expect(kindTitle("complaint", "zh")).toBe("complaint");
});
