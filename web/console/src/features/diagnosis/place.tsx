import { Space, Tag } from "antd";
import type { ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, type OutcomeName } from "../../ui/outcome";
import { FixView } from "./findings";
import { placeText } from "./place.text";
import type { Finding, Report } from "./queries";

const placeOutcome: Readonly<Record<string, OutcomeName>> = {
  delivered: "pass", on_its_way: "pass", to_take: "pass", waiting: "wait", held: "wait", not_arrived: "block", quarantined: "block", rejected: "block", never_given: "block",
  refused: "block", no_record: "unknown",
};

/** Names are agents as people call them; few of many are shown. */
export function Names({ list, count, report }: { readonly list: readonly string[]; readonly count: number; readonly report: Report }): ReactNode {
  const t = useWords(placeText);
  const shown = list.slice(0, 12);
  return (
    <Space wrap size={4}>
      {shown.map((name) => <Tag key={name}><bdi>{report.titles[`account/${name}`] ?? name}</bdi></Tag>)}
      {count > shown.length && <span className="soft">{t.more(count - shown.length)}</span>}
    </Space>
  );
}

/** PlaceView says where a message is that was asked about without an agent, and what was decided. */
export function PlaceView({ report }: { readonly report: Report }): ReactNode {
  const t = useWords(placeText);
  const language = useLanguage();
  const place = report.place;
  if (!place) return null;
  const states: Readonly<Record<string, string>> = t.states;
  const { since } = place;
  return (
    <section className="card finding" aria-label={t.place}>
      <h2><Outcome outcome={placeOutcome[place.state] ?? "unknown"}>{states[place.state] ?? place.state}</Outcome></h2>
      <p className="finding-author numbers">
        <span className="soft">{t.place}</span>
        {since !== null && <span>{clock(since, language)}</span>}
        {place.inbox !== undefined && <span><bdi>{report.titles[`inbox/${place.inbox}`] ?? place.inbox}</bdi></span>}
        {place.kind !== undefined && <span>{kindTitle(place.kind, language)}</span>}
        {place.candidates > 0 && <span>{t.candidates(place.can, place.candidates)}</span>}
      </p>
      {place.agents.length > 0 && <Names list={place.agents} count={place.agents.length} report={report} />}
      {place.decision !== undefined && pick(place.decision.summary, language) !== "" && <p dir="auto"><span className="soft">{t.decision(place.decision.position)}: </span>{pick(place.decision.summary, language)}</p>}
    </section>
  );
}

/** BestView is what would let the most agents receive the message. */
export function BestView({ report, onChanged }: { readonly report: Report; readonly onChanged: () => void }): ReactNode {
  const t = useWords(placeText);
  const best = report.best;
  const first = report.findings[0];
  if (!best || !first) return null;
  const finding: Finding = { ...first, code: best.codes.join(" "), fix: best.fix, primary: true };
  return (
    <section className="card finding" data-primary="" aria-label={t.best}>
      <h2>{t.best}</h2>
      <p>{t.bestCount(best.count)}</p>
      <Names list={best.receivers} count={best.count} report={report} />
      <FixView finding={finding} report={report} onChanged={onChanged} />
    </section>
  );
}
