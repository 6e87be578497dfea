import { describe, expect, test } from "vitest";
import type { Question, Report } from "./queries";
import { answered, Kept, reportText, sheetOf } from "./sheet";

const words = (text: string) => ({ zh: text, en: text });
const question = (id: string): Question => ({
  id, stage: "account", gate: "account.state", ask: words(`ask ${id}?`), why: words("why"), yes: words("yes"), no: words("no"), fix: words("fix"), support: words("support"), where: {},
});

describe("a sheet", () => {
  test("the same answer again takes it back", () => {
    const once = answered({}, "a", "no");
    expect(once).toEqual({ a: "no" });
    expect(answered(once, "a", "yes")).toEqual({ a: "yes" });
    expect(answered(once, "a", "no")).toEqual({});
  });

  test("answers outlive a reload, and what others wrote there is no answer", () => {
    const rows = new Map<string, string>();
    const kept = new Kept({ getItem: (k) => rows.get(k) ?? null, setItem: (k, v) => void rows.set(k, v) });
    kept.write("qianniu x", { a: "no" });
    expect(kept.read("qianniu x")).toEqual({ a: "no" });
    expect(kept.read("qianniu y")).toEqual({});
    for (const text of ["{", "null", "[1]", "{\"a\":\"perhaps\"}"]) {
      rows.set("bida.checklist.z", text);
      expect(kept.read("z")).toEqual({});
    }
    expect(() => new Kept({ getItem: () => null, setItem: () => { throw new Error("full"); } }).write("x", {})).not.toThrow();
  });

  test("only questions that there are are sent, and no empty names", () => {
    expect(sheetOf("other", "", "", "group", { a: "no", gone: "yes" }, [question("a")])).toEqual({ platform: "other", kind: "group", answers: { a: "no" } });
  });

  test("as text it has causes, steps, contradictions, questions for support and every answer", () => {
    const report = {
      headline: words("headline"), at: "2026-11-27", next: "next step", contradictions: [{ questions: ["a"], text: words("both cannot be") }], ask_support: [{ text: words("look it up") }],
      findings: [{ code: "x", outcome: "block", consequence_of: null, fix: { actions: [{ text: words("mend it") }] } }, { code: "y", outcome: "unknown", consequence_of: null, fix: null }],
      answers: [{ question: "a", value: "no" }, { question: "b", value: "" }],
    } as unknown as Report;
    const text = reportText(report, [question("a"), question("b")], "Qianniu", (c) => `title ${c}`,
      { answers: "Answers", value: { no: "No", "": "Not answered" }, cause: "Cause", contradictions: "Contradictions", next: "Next", support: "Ask" }, "en");
    for (const part of ["headline", "Qianniu", "Cause: title x", "→ mend it", "both cannot be", "Next: next step", "look it up", "1. ask a? No", "2. ask b? Not answered"]) expect(text).toContain(part);
    expect(text).not.toContain("title y");
  });
});
