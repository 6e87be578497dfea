import { Tag } from "antd";
import { useRef, type KeyboardEvent, type ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import type { Answer, Question } from "./queries";
import type { Value } from "./sheet";
import { checklistText } from "./text";

const keys: Readonly<Record<string, Value>> = { 1: "yes", 2: "no", 3: "unknown" };
const choices: readonly Value[] = ["yes", "no", "unknown"];

interface Props {
  readonly questions: readonly Question[];
  readonly stages: readonly Schemas["ChecklistNamed"][];
  readonly platform: string;
  readonly answers: ReadonlyMap<string, Answer>;
  /** Not given where the sheet is only shown. */
  readonly onAnswer?: ((question: string, value: Value) => void) | undefined;
}

/** The questions in their stages. Keys 1, 2, 3 answer the question that has the focus and go to the next one. */
export function Questions({ questions, stages, platform, answers, onAnswer }: Props): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const list = useRef<HTMLDivElement>(null);
  const focus = (index: number): void => {
    const id = questions[Math.max(0, Math.min(index, questions.length - 1))]?.id;
    list.current?.querySelector<HTMLElement>(`[data-question="${id ?? ""}"]`)?.focus();
  };
  const press = (e: KeyboardEvent, q: Question): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const at = questions.indexOf(q);
    const value = keys[e.key];
    if (value !== undefined && onAnswer) {
      e.preventDefault();
      if (answers.get(q.id)?.value !== value || answers.get(q.id)?.source !== "person") onAnswer(q.id, value);
      focus(at + 1);
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      focus(at + (e.key === "ArrowDown" ? 1 : -1));
    }
  };
  return (
    <div className="checklist-questions" ref={list}>
      {onAnswer && <p className="soft checklist-keys">{t.keys}</p>}
      {stages.map((stage) => (
        <section key={stage.id} className="card checklist-stage" aria-label={pick(stage.name, language)}>
          <h3>{pick(stage.name, language)}</h3>
          <ol>
            {questions.filter((q) => q.stage === stage.id).map((q) => (
              <li key={q.id}>
                <div className="checklist-question" role="group" tabIndex={0} data-question={q.id} aria-label={pick(q.ask, language)} onKeyDown={(e) => press(e, q)}>
                  <p><b className="numbers">{questions.indexOf(q) + 1}</b> {pick(q.ask, language)}</p>
                  <Line question={q} platform={platform} answer={answers.get(q.id)} onAnswer={onAnswer} />
                </div>
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

interface LineProps {
  readonly question: Question;
  readonly platform: string;
  readonly answer: Answer | undefined;
  readonly onAnswer: Props["onAnswer"];
}

function Line({ question: q, platform, answer, onAnswer }: LineProps): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const value = answer?.value ?? "";
  const words: Readonly<Record<string, string>> = t.value;
  const where = q.where[platform] ?? q.where["other"];
  return (
    <>
      <div className="checklist-choices">
        {onAnswer ? choices.map((v) => (
          <button key={v} type="button" tabIndex={-1} data-value={v} aria-pressed={value === v} data-source={value === v ? answer?.source : undefined} onClick={() => onAnswer(q.id, v)}>{words[v]}</button>
        )) : <b data-value={value}>{words[value]}</b>}
        {answer?.record && <span className="soft checklist-record">{answer.overrides === true ? <Tag color="warning">{t.overrides}</Tag> : null}{t.record}: {pick(answer.record.text, language)}</span>}
      </div>
      {onAnswer && <b className="checklist-printed">{words[value]}</b>}
      {where && <details><summary>{t.where}</summary><p>{pick(where, language)}</p><p className="soft">{t.why}: {pick(q.why, language)}</p></details>}
    </>
  );
}
