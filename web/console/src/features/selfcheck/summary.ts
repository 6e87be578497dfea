import { clock, exact, kindTitle } from "@bida/shared/format";
import { pick, type Language } from "@bida/shared/text";
import { outcomeShape, isOutcome } from "../../ui/outcome";
import { tests } from "./checks";
import { sayResult, type SelfCheckWords, type Shown } from "./found";
import type { Answer, Outlook } from "./queries";

const sign = (outcome: string): string => outcomeShape[isOutcome(outcome) ? outcome : "unknown"];

/** summary is the result as text that can be sent to somebody: words and times, and nothing of what messages say. */
export function summary(t: SelfCheckWords, outlook: Outlook | undefined, found: readonly Shown[], language: Language, now: Date): string {
  const said = (a: Answer): string => `${sign(a.outcome)} ${a.reason === undefined ? t.verdict.receiving : pick(a.reason, language)}`;
  const lines = [exact(now.toISOString())];
  if (outlook !== undefined) {
    lines.push(pick(outlook.headline, language), "", t.cells);
    for (const c of outlook.cells) {
      const next = c.next === undefined ? "" : `; ${t.from(clock(c.next.at, language, now))} ${said(c.next)}`;
      lines.push(`  ${c.inbox_title ?? c.inbox} · ${kindTitle(c.kind, language)}: ${said(c.now)}${next}`);
    }
  }
  lines.push("", t.here);
  for (const test of tests) {
    const f = found.find((x) => x.test === test);
    if (f !== undefined) lines.push(`  ${sign(f.outcome)} ${t.tests[test]}: ${sayResult(t, f, language)}`);
  }
  return lines.join("\n");
}
