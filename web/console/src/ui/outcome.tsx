import type { ReactNode } from "react";
import { texts } from "@bida/shared/text";
import { useWords } from "../app/words";

export type OutcomeName = "pass" | "block" | "wait" | "unknown" | "not_applicable";

export const outcomeText = texts(
  { pass: "通过", block: "未通过", wait: "等待", unknown: "无法判断", not_applicable: "不适用", expected: "属于正常情况" },
  { pass: "passed", block: "not passed", wait: "waiting", unknown: "unknown", not_applicable: "not applicable", expected: "to be expected" },
);

export const outcomeShape: Readonly<Record<OutcomeName, string>> = { pass: "✓", block: "✕", wait: "◷", unknown: "?", not_applicable: "◦" };

export function isOutcome(name: string): name is OutcomeName {
  return name in outcomeShape;
}

interface Props {
  readonly outcome: OutcomeName;
  /** Blocked on purpose: quiet grey instead of red. */
  readonly expected?: boolean;
  /** Words in the place of the outcome's own. */
  readonly children?: ReactNode;
  /** The shape alone is shown; the word is for those who cannot see it. */
  readonly shapeOnly?: boolean;
}

/** Outcome shows what a gate said: a shape, a colour and a word, everywhere the same. */
export function Outcome({ outcome, expected = false, children, shapeOnly = false }: Props): ReactNode {
  const t = useWords(outcomeText);
  const word = expected && outcome === "block" ? `${t[outcome]} (${t.expected})` : t[outcome];
  return (
    <span className="outcome" data-outcome={outcome} {...(expected ? { "data-expected": "" } : {})}>
      <i aria-hidden="true">{outcomeShape[outcome]}</i>
      {shapeOnly ? <span className="visually-hidden">{word}</span> : <span>{children ?? word}</span>}
    </span>
  );
}
