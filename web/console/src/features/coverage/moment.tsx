import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { ErrorState, Loading } from "../../ui/states";
import { momentQuery, type Cell, type Person } from "./queries";
import { coverageText } from "./text";

/** MomentCard says who can receive at a moment, and what stops the others: that is also what would fill a gap. */
export function MomentCard({ cell, at }: { readonly cell: Cell; readonly at: number }): ReactNode {
  const t = useWords(coverageText);
  const language = useLanguage();
  const moment = useQuery(momentQuery(cell.inbox, cell.kind, at, language));
  const title = <h2>{t.momentTitle(clock(new Date(at), language))}</h2>;
  if (moment.data === undefined) {
    return <section className="card coverage-moment" aria-live="polite">{title}{moment.error ? <ErrorState error={moment.error} onRetry={() => void moment.refetch()} /> : <Loading rows={3} />}</section>;
  }
  const { state, stop, agents } = moment.data;
  const can = agents.filter((a) => a.stop === undefined);
  const cannot = agents.filter((a) => a.stop !== undefined);
  return (
    <section className="card coverage-moment" aria-live="polite">
      {title}
      {state === "closed" && <p className="soft">{t.closedNow}</p>}
      {state !== "closed" && stop !== undefined && <p>{t.stopped(stop.reason)}</p>}
      <div className="coverage-people">
        <People title={t.can(can.length)} people={can} cell={cell} />
        <People title={t.cannot(cannot.length)} people={cannot} cell={cell} />
      </div>
    </section>
  );
}

function People({ title, people, cell }: { readonly title: string; readonly people: readonly Person[]; readonly cell: Cell }): ReactNode {
  const t = useWords(coverageText);
  const language = useLanguage();
  return (
    <div>
      <h3>{title}</h3>
      {people.length === 0 && <p className="soft">{t.nobody}</p>}
      <ul>
        {people.map((p) => {
          const name = p.title ?? p.name;
          return (
            <li key={p.name}>
              <Outcome outcome={p.stop === undefined ? "pass" : p.stop.until === undefined ? "block" : "wait"}>
                <bdi>{name}</bdi>
                {p.stop !== undefined && <span className="soft"> {p.stop.reason}{p.stop.until !== undefined && ` · ${t.until(clock(p.stop.until, language))}`}</span>}
              </Outcome>
              {p.stop !== undefined && <Link to="/diagnosis" search={{ agent: p.name, inbox: cell.inbox, kind: cell.kind }} aria-label={t.diagnoseWhom(name)}>{t.diagnose}</Link>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
