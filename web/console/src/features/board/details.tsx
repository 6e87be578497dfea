import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useRef, type ReactNode } from "react";
import { ago, clock, span } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { gateTitle, reasonTitle, useReasons } from "../../ui/gates";
import { Outcome } from "../../ui/outcome";
import { reportQuery } from "../diagnosis/queries";
import { scopeWords } from "./cell";
import { cellOf, type Check, type Column, type Filter, type Inbox, type Row } from "./model";
import type { Trip } from "./stream";
import { boardText } from "./text";

interface Props {
  readonly row: Row;
  readonly column: Column;
  readonly filter: Filter;
  readonly inboxes: readonly Inbox[];
  readonly trips: ReadonlyMap<string, Trip>;
  /** The cell that it stands beside. */
  readonly beside: DOMRect;
}

/** Details stand beside a cell: the fact, since when, by whom. The board knows the fact; a diagnosis of the agent, asked for now, knows the rest. */
export function Details({ row, column, filter, inboxes, trips, beside }: Props): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const box = useRef<HTMLDivElement>(null);
  const cell = cellOf(row, column, filter, inboxes);
  useLayoutEffect(() => {
    const e = box.current;
    if (!e) return;
    const { width, height } = e.getBoundingClientRect();
    const below = beside.bottom + 6 + height <= window.innerHeight;
    e.style.insetInlineStart = `${Math.max(8, Math.min(beside.left, window.innerWidth - width - 8))}px`;
    e.style.insetBlockStart = `${below ? beside.bottom + 6 : Math.max(8, beside.top - height - 6)}px`;
    e.style.visibility = "visible";
  });
  return (
    <div className="board-details" role="tooltip" id="board-details" ref={box}>
      <strong><bdi>{row.title ?? row.agent}</bdi> · {t.columns[column]}</strong>
      {cell.checks.length === 0 && <Outcome outcome={cell.outcome}>{cell.outcome === "pass" ? t.passes : t.notApplicable}</Outcome>}
      {cell.checks.map((c) => <One key={`${c.gate} ${c.code} ${c.until ?? ""}`} check={c} row={row} inboxes={inboxes} />)}
      {column === "presence" && (
        <p className="soft numbers">
          {t.presences[row.presence.value]}
          {row.presence.since !== undefined && <> · {t.since(clock(row.presence.since, language))}</>}
          {row.presence.by !== undefined && row.presence.by !== "" && row.presence.by !== row.agent && <> · <bdi>{t.by(row.presence.by === "system" ? t.system : row.presence.by)}</bdi></>}
          {row.presence.reason !== undefined && row.presence.reason !== "" && <> · <bdi>{row.presence.reason}</bdi></>}
        </p>
      )}
      {column === "connection" && row.connections.map((c) => {
        const trip = trips.get(c.id);
        return (
          <p key={c.id} className="soft numbers">
            <bdi>{c.about}</bdi> · {t.connectedSince(clock(c.since, language))} · {trip?.round_trip_ms === undefined ? t.tripUnknown : t.trip(span(trip.round_trip_ms, language))}
            {trip !== undefined && <> · {t.heard(ago(trip.heard, language))}</>}
            {c.unresponsive_since !== undefined && <> · {t.unresponsive(clock(c.unresponsive_since, language))}</>}
          </p>
        );
      })}
      {column === "load" && <p className="soft numbers">{row.limit === undefined ? t.loadFree(row.live) : t.loadWords(row.live, row.limit)} · {t.loadAll(row.load)}</p>}
      <p className="soft board-hint">{t.openHint}</p>
    </div>
  );
}

function One({ check, row, inboxes }: { readonly check: Check; readonly row: Row; readonly inboxes: readonly Inbox[] }): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const report = useQuery({ ...reportQuery({ agent: row.agent }, language), refetchInterval: false, staleTime: 3_000 });
  const finding = report.data?.findings.find((f) => f.gate === check.gate && f.code === check.code);
  const author = finding?.changed_by;
  return (
    <div className="board-one">
      <Outcome outcome={check.outcome} expected={check.expected}>
        <b>{reasonTitle(reasonOf(check.code), check.code, language)}</b>
        {check.until !== undefined && <span className="numbers"> {t.until(clock(check.until, language))}</span>}
        {check.expected && <span className="soft"> · {t.expected}</span>}
      </Outcome>
      <p className="soft numbers">
        {gateTitle(check.gate, language)} · {t.scope} <bdi>{scopeWords(check, inboxes, t, language)}</bdi>
      </p>
      {finding && (finding.since !== null || author) && (
        <p className="numbers">
          {finding.since !== null && <span>{t.since(clock(finding.since, language))} </span>}
          {author && (author.title ?? author.account ?? "") !== "" && <bdi>{t.by(author.account === "system" ? t.system : author.title ?? author.account ?? "")} </bdi>}
          {author?.revision !== undefined && <span>· {t.revision(author.revision)} </span>}
          {author?.reason !== undefined && author.reason !== "" && <bdi>· {t.reason(author.reason)}</bdi>}
        </p>
      )}
      {check.outcome !== "pass" && report.isPending && <p className="soft">{t.looking}</p>}
    </div>
  );
}
