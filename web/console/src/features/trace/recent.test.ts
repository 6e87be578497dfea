import { beforeEach, expect, test } from "vitest";
import { recentTraces, rememberTrace } from "./recent";

beforeEach(() => localStorage.clear());

test("what was looked at last comes first, once", () => {
  for (const m of ["m1", "m2", "m1"]) rememberTrace(m);
  expect(recentTraces()).toEqual(["m1", "m2"]);
});

test("the list is bounded", () => {
  for (let i = 0; i < 40; i++) rememberTrace(`m${i}`);
  expect(recentTraces()).toHaveLength(12);
  expect(recentTraces()[0]).toBe("m39");
});

test("what somebody else left there does no harm", () => {
  for (const text of ["{", "7", '[1,"x","<script>","m5"]']) localStorage.setItem("bida.traces", text);
  expect(recentTraces()).toEqual(["m5"]);
});
