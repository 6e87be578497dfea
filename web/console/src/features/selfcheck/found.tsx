import type { ReactNode } from "react";
import { span } from "@bida/shared/format";
import type { Language } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, isOutcome } from "../../ui/outcome";
import { tests } from "./checks";
import { selfcheckText } from "./text";

export type SelfCheckWords = ReturnType<typeof useWords<typeof selfcheckText.zh>>;

/** What was found, here or elsewhere. */
export interface Shown {
  readonly test: (typeof tests)[number];
  readonly outcome: string;
  readonly result: string;
  readonly ms?: number;
}

/** sayResult puts what a test found into words. */
export function sayResult(t: SelfCheckWords, found: Shown, language: Language): string {
  if (found.result === "ok") {
    const fine = t.fine[found.test];
    return found.ms === undefined || found.test === "clock" ? fine : `${fine} · ${t.ms(found.ms)}`;
  }
  const faults: Readonly<Record<string, string | ((by: string) => string)>> = t.faults;
  const words = faults[found.result] ?? t.faults.untried;
  return typeof words === "string" ? words : words(span(Math.abs(found.ms ?? 0), language));
}

/** FoundList shows each test with its sign and what it found; what is not known yet is being tried. */
export function FoundList({ found, extra }: { readonly found: readonly Shown[]; readonly extra?: (test: Shown) => ReactNode }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  return (
    <ul className="sc-tests">
      {tests.map((test) => {
        const f = found.find((x) => x.test === test);
        return (
          <li key={test}>
            <span>{t.tests[test]}</span>
            <span className="sc-found">
              {f === undefined ? <span className="soft" role="status">{t.checking}</span>
                : <Outcome outcome={isOutcome(f.outcome) ? f.outcome : "unknown"} expected={f.result === "off"}>{sayResult(t, f, language)}</Outcome>}
              {f && extra?.(f)}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
