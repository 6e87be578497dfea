import { describe, expect, it } from "vitest";
import { Closed, idOf } from "./closed";

function memory(first?: string): Storage {
  const kept = new Map<string, string>(first === undefined ? [] : [["bida.announcements.closed", first]]);
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) } as Storage;
}

describe("announcements that were closed", () => {
  it("stay closed until they say something else", () => {
    const keep = memory();
    const a = { name: "upgrade", text: "tonight", until: "2026-12-02T00:00:00.000+08:00" };
    new Closed(keep).add(idOf(a));
    expect(new Closed(keep).has(idOf(a))).toBe(true);
    expect(new Closed(keep).has(idOf({ ...a, text: "tomorrow" }))).toBe(false);
    expect(new Closed(keep).has(idOf({ ...a, until: "2026-12-03T00:00:00.000+08:00" }))).toBe(false);
  });

  it("are few, and what cannot be read is none", () => {
    const keep = memory("{");
    const closed = new Closed(keep);
    expect(closed.has("0")).toBe(false);
    for (let i = 0; i < 60; i++) closed.add(String(i));
    expect([closed.has("9"), closed.has("10"), closed.has("59")]).toEqual([false, true, true]);
  });
});
