import { expect, test } from "vitest";
import { midnight, week } from "./grid";
import type { State, Stretch } from "./queries";

const at = (hour: number, minute = 0): string => new Date(2026, 10, 26, hour, minute).toISOString();
const span = (from: string, to: string, state: State, count: number): Stretch => ({ from, to, state, count, agents: [] });

const day = new Date(2026, 10, 26);

test("an hour shows the worst that is in it", () => {
  const [hours] = week([
    span(at(0), at(9), "closed", 0), span(at(9), at(10, 20), "covered", 4), span(at(10, 20), at(10, 40), "gap", 0), span(at(10, 40), at(12), "covered", 5),
    span(at(12), at(12, 30), "single", 1), span(at(12, 30), at(13, 30), "covered", 3), span(at(13, 30), at(14), "covered", 2), span(at(14), at(24), "closed", 0),
  ], day, 1);
  expect(hours?.map((h) => h.state).slice(8, 15)).toEqual(["closed", "covered", "gap", "covered", "single", "covered", "closed"]);
  expect(hours?.map((h) => h.least).slice(9, 14)).toEqual([4, 0, 5, 1, 2]);
  expect(hours?.[10]?.at).toBe(new Date(2026, 10, 26, 10, 20).getTime());
  expect(hours?.[13]?.at).toBe(new Date(2026, 10, 26, 13, 30).getTime());
});

test("an hour that is open in part is shown as it is then", () => {
  const [hours] = week([span(at(0), at(8, 30), "closed", 0), span(at(8, 30), at(9), "single", 1), span(at(9), at(24), "closed", 0)], day, 1);
  expect(hours?.[8]).toMatchObject({ state: "single", least: 1, at: new Date(2026, 10, 26, 8, 30).getTime() });
});

test("a long span fills many days, and what was not asked for is empty", () => {
  const grid = week([span(at(0), new Date(2026, 10, 28).toISOString(), "covered", 12)], day, 3);
  expect(grid.map((hours) => new Set(hours.map((h) => h.state)))).toEqual([new Set(["covered"]), new Set(["covered"]), new Set(["none"])]);
  expect(grid[1]?.[23]?.least).toBe(12);
  expect(week([], day, 1)[0]).toHaveLength(24);
});

test("a day begins at midnight", () => {
  expect(midnight(new Date(2026, 10, 26, 14, 5), 0)).toEqual(new Date(2026, 10, 26));
  expect(midnight(new Date(2026, 10, 26, 14, 5), 5)).toEqual(new Date(2026, 11, 1));
});
