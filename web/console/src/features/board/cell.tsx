import type { ReactNode } from "react";
import { clock, kindTitle, span } from "@bida/shared/format";
import type { Language, wordsIn } from "@bida/shared/text";
import { reasonTitle, type useReasons } from "../../ui/gates";
import { Outcome, type outcomeText } from "../../ui/outcome";
import { kindsOf, type Cell, type Check, type Column, type Inbox, type Row } from "./model";
import type { Trip } from "./stream";
import type { boardText } from "./text";

export type Says = ReturnType<typeof wordsIn<(typeof boardText)["zh"]>>;

export function shortKind(kind: string, t: Says): string {
  return Object.entries(t.kindsShort).find(([k]) => k === kind)?.[1] ?? kind;
}

/** tripOf is the shortest round trip of an agent's connections, undefined where none was measured. */
export function tripOf(row: Row, trips: ReadonlyMap<string, Trip>): number | undefined {
  const all = row.connections.map((c) => trips.get(c.id)?.round_trip_ms).filter((ms) => ms !== undefined);
  return all.length === 0 ? undefined : Math.min(...all);
}

/** Words are what rows say things with: read once for all of them, because a row that comes into sight must cost little. */
export interface Words {
  readonly t: Says;
  readonly language: Language;
  readonly outcomes: ReturnType<typeof wordsIn<(typeof outcomeText)["zh"]>>;
  readonly reasonOf: ReturnType<typeof useReasons>;
}

interface Props {
  readonly row: Row;
  readonly column: Column;
  readonly cell: Cell;
  readonly inboxes: readonly Inbox[];
  readonly trip: number | undefined;
  readonly words: Words;
}

/** CellView is what a column says of an agent, as short as it is clear; to those who cannot see shape and colour it says all. */
export function CellView({ row, column, cell, inboxes, trip, words }: Props): ReactNode {
  const warns = cell.outcome === "pass" && cell.check !== undefined;
  const short = shortWords(row, column, cell, inboxes, trip, words);
  return (
    <span className="board-cell" data-warns={warns ? "" : undefined}>
      {short === "" ? <Outcome outcome={cell.outcome} expected={cell.expected} shapeOnly />
        : <Outcome outcome={cell.outcome} expected={cell.expected}><bdi>{short}</bdi><span className="visually-hidden"> {cellWords(cell, words)}</span></Outcome>}
    </span>
  );
}

function shortWords(row: Row, column: Column, cell: Cell, inboxes: readonly Inbox[], trip: number | undefined, { t, language, reasonOf }: Words): string {
  const check = cell.check;
  if (column === "load") return row.limit === undefined ? String(row.live) : `${row.live}/${row.limit}`;
  if (column === "presence" && cell.outcome !== "not_applicable") {
    const until = check?.until === undefined ? "" : ` ${clock(check.until, language)}`;
    return row.presence.value === "available" && check === undefined ? "" : t.presences[row.presence.value] + until;
  }
  if (check === undefined) return column === "connection" && trip !== undefined ? span(trip, language) : "";
  if (check.outcome === "wait" && check.until !== undefined) return clock(check.until, language);
  const kinds = kindsOf(check, row, inboxes);
  if (column === "permission" && kinds.length > 0) return t.list(kinds.map((k) => shortKind(k, t)));
  return reasonTitle(reasonOf(check.code), check.code, language);
}

/** cellWords is all that a cell says. */
function cellWords(cell: Cell, { t, language, outcomes, reasonOf }: Words): string {
  const check = cell.check;
  if (check === undefined) return outcomes[cell.outcome];
  return `${outcomes[cell.outcome]}${cell.expected ? ` (${t.expected})` : ""} · ${reasonTitle(reasonOf(check.code), check.code, language)}`;
}

/** scopeWords says which inboxes and kinds a check concerns. */
export function scopeWords(check: Check, inboxes: readonly Inbox[], t: Says, language: Language): string {
  if (check.scope === undefined) return t.scopeAll;
  const title = (name: string): string => inboxes.find((i) => i.name === name)?.title ?? name;
  return t.list(check.scope.map((p) => t.place(title(p.inbox), p.kinds === undefined ? t.allOfIt : t.list(p.kinds.map((k) => kindTitle(k, language))))));
}
