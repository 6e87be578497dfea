import { expect, test } from "vitest";
import type { Schemas } from "@bida/shared/api";
import { nextLook } from "./look";

type RepairRecord = Schemas["Repair"];

const at = "2026-11-27T10:00:00.000+08:00";
const later = (minutes: number): Date => new Date(new Date(at).getTime() + minutes * 60_000);
const repair = (state: "arrived" | "no_traffic", over = false): RepairRecord => ({ at, check: { state, over } }) as RepairRecord;

test("a repair is looked at often until a message arrives, and not at all when nothing more is looked at", () => {
  expect(nextLook(undefined, later(0))).toBe(3_000);
  expect(nextLook(repair("no_traffic"), later(1))).toBe(3_000);
  expect(nextLook(repair("no_traffic"), later(10))).toBe(20_000);
  expect(nextLook(repair("arrived"), later(1))).toBe(60_000);
  expect(nextLook(repair("arrived", true), later(61))).toBe(false);
  expect(nextLook(repair("no_traffic", true), later(61))).toBe(false);
});
