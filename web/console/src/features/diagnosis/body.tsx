import type { ReactNode } from "react";
import { pick } from "@bida/shared/text";
import { useLanguage } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { CheckList } from "./checks";
import { Clients } from "./clients";
import { Findings, type FindingsProps } from "./findings";
import { BestView, PlaceView } from "./place";

/** Body is what a report has below its headline: where the message is, the causes, what groups them, the whole check-list, and what the agent's clients tell. */
export default function Body(props: FindingsProps): ReactNode {
  const { report } = props;
  const language = useLanguage();
  return (
    <>
      <PlaceView report={report} />
      <BestView report={report} onChanged={props.onChanged} />
      <Findings {...props} />
      {(report.patterns ?? []).map((s) => <p key={`${s.outcome} ${s.dimension} ${s.value}`} className="card"><Outcome outcome="unknown">{pick(s.text, language)}</Outcome></p>)}
      {report.checks.length > 0 && <CheckList report={report} />}
      {report.hypothetical || report.subject.agent === "" ? null : <Clients report={report} />}
    </>
  );
}
