import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { Outcome } from "../../ui/outcome";
import { ErrorState, Loading } from "../../ui/states";
import { patternsText } from "./patterns.text";
import { patternsQuery, type Patterns } from "./queries";

type Group = Schemas["DiagnosisGroup"];

interface Props {
  readonly agent: string;
  readonly inbox: string | undefined;
  readonly kind: string | undefined;
  readonly at: string | undefined;
}

/** The deliveries of a day, grouped by all that is recorded of them. */
export default function PatternsContent(props: Props): ReactNode {
  const t = useWords(patternsText);
  const language = useLanguage();
  const found = useQuery(patternsQuery(props.agent, props.inbox, props.kind, props.at));
  if (found.isPending) return <Loading rows={6} />;
  if (found.data === undefined) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  const p = found.data;
  const bad = p.tally.lost + p.tally.unacknowledged + p.tally.withdrawn + p.tally.late > 0;
  return (
    <div className="patterns-body">
      <p className="soft">{t.about}</p>
      <p><Outcome outcome={p.separations.length > 0 ? "unknown" : "pass"}>{pick(p.headline, language)}</Outcome></p>
      {p.separations.slice(1).map((s) => <p key={`${s.outcome} ${s.dimension} ${s.value}`}><Outcome outcome="unknown">{pick(s.text, language)}</Outcome></p>)}
      <p className="soft numbers">{t.tally(p.tally.deliveries, p.tally.lost, p.tally.unacknowledged, p.tally.withdrawn, p.tally.late)}</p>
      {!p.whole && <p className="soft">{t.partial}</p>}
      {bad && <div className="patterns-grid">{p.dimensions.map((d) => <Bars key={d.name} dimension={d} patterns={p} />)}</div>}
      {p.refusals.requests > 0 && <RefusedBy patterns={p} />}
    </div>
  );
}

/** worst is how many of a group were bad in the way that most of them were. */
function worst(g: Group): number {
  return Math.max(g.lost, g.unacknowledged, g.withdrawn, g.late);
}

function useValue(patterns: Patterns): (dimension: string, value: string) => string {
  const t = useWords(patternsText);
  const language = useLanguage();
  const reasonOf = useReasons();
  return (dimension, value) => {
    if (value === "") return t.notRecorded;
    switch (dimension) {
      case "agent": return patterns.titles[`account/${value}`] ?? value;
      case "inbox": return patterns.titles[`inbox/${value}`] ?? value;
      case "kind": return kindTitle(value, language);
      case "code": return reasonTitle(reasonOf(value), value, language);
      default: return value;
    }
  };
}

function Bars({ dimension, patterns }: { readonly dimension: Schemas["DiagnosisDimension"]; readonly patterns: Patterns }): ReactNode {
  const t = useWords(patternsText);
  const names: Readonly<Record<string, string>> = t.dimensions;
  const value = useValue(patterns);
  const separates = (v: string): boolean => patterns.separations.some((s) => (s.dimension === dimension.name && s.value === v) || s.same.some((x) => x.dimension === dimension.name && x.value === v));
  return (
    <section aria-label={names[dimension.name] ?? dimension.name}>
      <h3>{names[dimension.name] ?? dimension.name}</h3>
      <ul className="bars">
        {dimension.groups.map((g) => (
          <li key={g.value} data-separates={separates(g.value) ? "" : undefined}>
            <span className="bar-name"><bdi>{value(dimension.name, g.value)}</bdi></span>
            <span className="bar-track" aria-hidden="true"><span className="bar-bad" style={{ inlineSize: `${(100 * worst(g)) / Math.max(g.deliveries, 1)}%` }} /></span>
            <span className="bar-count numbers">{t.bar(worst(g), g.deliveries)}</span>
          </li>
        ))}
      </ul>
      {dimension.more > 0 && <p className="soft">{t.more(dimension.more)}</p>}
    </section>
  );
}

function RefusedBy({ patterns }: { readonly patterns: Patterns }): ReactNode {
  const t = useWords(patternsText);
  const names: Readonly<Record<string, string>> = t.dimensions;
  const value = useValue(patterns);
  const language = useLanguage();
  return (
    <section>
      <h3>{t.refused(patterns.refusals.requests)}</h3>
      {patterns.refusals.by.map((by) => (
        <p key={by.name}><span className="soft">{names[by.name] ?? by.name}: </span>{by.groups.map((g) => `${value(by.name, g.value)} ${g.count}`).join(language === "zh" ? "、" : ", ")}</p>
      ))}
    </section>
  );
}
