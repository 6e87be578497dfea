import { Tag } from "antd";
import type { ReactNode } from "react";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { isOutcome, Outcome, type OutcomeName } from "../../ui/outcome";
import type { Question, Report } from "./queries";
import { checklistText } from "./text";

const outcomeOf: Readonly<Record<string, OutcomeName>> = { receiving: "pass", blocked: "block", partial: "block", waiting: "wait", no_traffic: "pass", unknown: "unknown" };

interface Props {
  readonly report: Report;
  readonly questions: readonly Question[];
  readonly busy: boolean;
  readonly onGoTo?: ((question: string) => void) | undefined;
}

/** What the answers come to: the answer first, then each cause with what to do, what contradicts, and whom to ask for what. */
export function ReportView({ report, questions, busy, onGoTo }: Props): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const verdicts: Readonly<Record<string, string>> = t.verdict;
  const causes = report.findings.filter((f) => f.outcome === "block" && f.consequence_of === null);
  const quiet = causes.length > 0 && causes.every((f) => f.expected);
  const open = report.next_questions.map((id) => questions.find((q) => q.id === id)).filter((q) => q !== undefined);
  return (
    <article className="checklist-report" aria-busy={busy} aria-live="polite">
      <section className="card">
        <p className="diagnosis-verdict"><Outcome outcome={outcomeOf[report.verdict] ?? "unknown"} expected={quiet}>{verdicts[report.verdict] ?? report.verdict}</Outcome></p>
        <h2 dir="auto">{pick(report.headline, language)}</h2>
        {report.next !== "" && <p><strong>{t.next}: </strong>{report.next}</p>}
      </section>
      {report.contradictions.length > 0 && (
        <section className="card checklist-contradictions" role="note">
          <h3>{t.contradictions}</h3>
          <ul>{report.contradictions.map((c) => <li key={c.questions.join()}><Outcome outcome="unknown">{pick(c.text, language)}</Outcome></li>)}</ul>
          <p className="soft">{t.contradictionsText}</p>
        </section>
      )}
      {causes.length > 0 && <Causes causes={causes} />}
      {report.ask_support.length > 0 && (
        <section className="card">
          <h3>{t.support}</h3>
          <ul className="checklist-asks">{report.ask_support.map((a) => <li key={a.question ?? ""}>{pick(a.text, language)}</li>)}</ul>
        </section>
      )}
      {open.length > 0 && onGoTo && (
        <section className="card checklist-open">
          <h3>{t.open(open.length)}</h3>
          <ol>{open.slice(0, 5).map((q) => <li key={q.id}><button type="button" className="link" onClick={() => onGoTo(q.id)}>{pick(q.ask, language)}</button></li>)}</ol>
        </section>
      )}
    </article>
  );
}

function Causes({ causes }: { readonly causes: Report["findings"] }): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const reasonOf = useReasons();
  return (
    <section className="card checklist-causes">
      <h3>{t.causes}</h3>
      <ol>
        {causes.map((f) => {
          const reason = reasonOf(f.code);
          const fix = f.fix as typeof f.fix | null;
          return (
            <li key={f.code} data-primary={f.primary ? "" : undefined}>
              <p><Outcome outcome={isOutcome(f.outcome) ? f.outcome : "unknown"} expected={f.expected}>{reasonTitle(reason, f.code, language)}</Outcome> {f.expected && <Tag>{t.notCause}</Tag>}</p>
              {f.evidence.map((e) => <p key={e.fact} className="soft" dir="auto">{e.value}</p>)}
              {fix?.actions.map((a) => <p key={a.action}><b>{t.step}: </b>{pick(a.text, language)}</p>)}
              {fix?.verified === true && <p className="soft checklist-verified"><Outcome outcome="pass">{t.verified}</Outcome></p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
