import type { Schemas } from "@bida/shared/api";
import type { OutcomeName } from "../../ui/outcome";

export type Row = Schemas["BoardRow"];
export type Check = Schemas["BoardCheck"];
export type Place = Schemas["BoardPlace"];
export type Told = Schemas["BoardEvent"];
/** When the board was so, and what its filters are called. */
export type Head = Pick<Told, "position" | "revision" | "at" | "counts" | "inboxes" | "teams">;
export type Inbox = Schemas["BoardInbox"];

/** The columns, in the order of the check-list. */
export const columns = ["account", "permission", "inbox", "window", "push", "presence", "connection", "load"] as const;
export type Column = (typeof columns)[number];

/** What somebody who was told of the board knows. A row that is not told of again stays the same object. */
export interface Board {
  readonly head: Head;
  readonly rows: ReadonlyMap<string, Row>;
  /** In the order in which they stand: by number, those without one last, then by name. It changes only when somebody comes, goes or is renumbered. */
  readonly order: readonly string[];
}

/** after is the board once an event was taken in. */
export function after(board: Board | undefined, told: Told): Board {
  const rows = new Map(told.reset || board === undefined ? [] : board.rows);
  let moved = told.reset || board === undefined;
  for (const row of told.rows) {
    const was = rows.get(row.agent);
    moved ||= was?.number !== row.number || was === undefined;
    rows.set(row.agent, row);
  }
  for (const name of told.gone ?? []) moved = rows.delete(name) || moved;
  const { position, revision, at, counts, inboxes, teams } = told;
  const order = !moved && board ? board.order : [...rows.values()].sort(byNumber).map((r) => r.agent);
  return { head: { position, revision, at, counts, inboxes, teams }, rows, order };
}

function byNumber(a: Row, b: Row): number {
  return (a.number ?? "\u{10ffff}").localeCompare(b.number ?? "\u{10ffff}", "en", { numeric: true }) || a.agent.localeCompare(b.agent, "en", { numeric: true });
}

export interface Filter {
  readonly text: string;
  /** A team's name; "-" for those in none. */
  readonly team: string;
  readonly inbox: string;
  readonly kind: string;
  readonly unexpected: boolean;
}

export const noFilter: Filter = { text: "", team: "", inbox: "", kind: "", unexpected: false };

type Scope = Pick<Filter, "inbox" | "kind">;

/** within says whether any of the places lies in the scope; left out kinds are all that the inbox produces. */
export function within(places: readonly Place[], scope: Scope, inboxes: readonly Inbox[]): boolean {
  return places.some((p) => (scope.inbox === "" || p.inbox === scope.inbox)
    && (scope.kind === "" || (p.kinds ?? inboxes.find((i) => i.name === p.inbox)?.kinds ?? []).includes(scope.kind)));
}

/** Cell is what a column says of an agent: the check that matters most in it, as far as it bears on the scope. */
export interface Cell {
  readonly outcome: OutcomeName;
  readonly expected: boolean;
  readonly check: Check | undefined;
  /** All that stops there, or is worth a warning. */
  readonly checks: readonly Check[];
}

const passed: Cell = { outcome: "pass", expected: false, check: undefined, checks: [] };
const idle: Cell = { outcome: "not_applicable", expected: false, check: undefined, checks: [] };

export function cellOf(row: Row, column: Column, scope: Scope, inboxes: readonly Inbox[]): Cell {
  const checks = row.checks.filter((c) => c.column === column && (c.scope === undefined || within(c.scope, scope, inboxes)));
  const check = checks[0];
  if (check === undefined) return row.idle.includes(column) ? idle : passed;
  return { outcome: check.outcome, expected: check.expected, check, checks };
}

/** stops are the checks that keep something in the scope away, in the order of the columns. */
function stops(row: Row, scope: Scope, inboxes: readonly Inbox[]): readonly Check[] {
  return row.checks.filter((c) => c.outcome !== "pass" && (c.scope === undefined || within(c.scope, scope, inboxes)));
}

/** first is what to look at first: what is not on purpose before what is, and an earlier check before a later one. */
export function first(row: Row, scope: Scope, inboxes: readonly Inbox[]): Check | undefined {
  const all = stops(row, scope, inboxes);
  return all.find((c) => !c.expected && c.outcome === "block") ?? all.find((c) => !c.expected) ?? all[0];
}

/** needsLook says whether something stops the agent that is not on purpose, or that cannot be told. */
export function needsLook(row: Row, scope: Scope, inboxes: readonly Inbox[]): boolean {
  return stops(row, scope, inboxes).some((c) => !c.expected);
}

/** What somebody types is found in any script: without case, width and accents. */
function plain(text: string): string {
  return text.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "").toLowerCase();
}

/** among are the rows that a filter keeps but for what they say: who is meant at all. */
export function among(board: Board, filter: Filter): readonly Row[] {
  const words = plain(filter.text).split(/\s+/).filter((w) => w !== "");
  const list: Row[] = [];
  for (const name of board.order) {
    const row = board.rows.get(name);
    if (row === undefined) continue;
    if (filter.team === "-" ? row.teams.length > 0 : filter.team !== "" && !row.teams.includes(filter.team)) continue;
    if ((filter.inbox !== "" || filter.kind !== "") && !within(row.inboxes, filter, board.head.inboxes)) continue;
    if (words.length > 0) {
      const all = plain([row.agent, row.title, row.alias, row.number].join("\n"));
      if (!words.every((w) => all.includes(w))) continue;
    }
    list.push(row);
  }
  return list;
}

export interface Count {
  readonly can: number;
  readonly of: number;
}

/** counts says how many of the rows can receive anything, and each kind, in the filter's inbox. */
export function counts(rows: readonly Row[], filter: Filter, inboxes: readonly Inbox[]): { readonly any: Count; readonly kinds: readonly (Count & { readonly kind: string })[] } {
  const produced = new Set(inboxes.filter((i) => filter.inbox === "" || i.name === filter.inbox).flatMap((i) => i.kinds));
  const count = (scope: Scope): Count => ({
    of: scope.kind === "" && scope.inbox === "" ? rows.length : rows.filter((r) => within(r.inboxes, scope, inboxes)).length,
    can: rows.filter((r) => within(r.can, scope, inboxes)).length,
  });
  return {
    any: count({ inbox: filter.inbox, kind: filter.kind }),
    kinds: [...produced].map((kind) => ({ kind, ...count({ inbox: filter.inbox, kind }) })),
  };
}

/** quiet are the columns in which nothing stops any of the rows, and nothing is worth a warning. */
export function quiet(rows: readonly Row[], scope: Scope, inboxes: readonly Inbox[]): ReadonlySet<Column> {
  const loud = new Set(rows.flatMap((r) => r.checks.filter((c) => c.scope === undefined || within(c.scope, scope, inboxes)).map((c) => c.column)));
  return new Set(columns.filter((c) => !loud.has(c)));
}

/** changedColumns are the columns of which two rows of an agent say something else. */
export function changedColumns(was: Row, is: Row): ReadonlySet<Column> {
  const of = (row: Row, column: Column): string => {
    const checks = JSON.stringify(row.checks.filter((c) => c.column === column)) + String(row.idle.includes(column));
    if (column === "presence") return checks + row.presence.value;
    if (column === "connection") return checks + String(row.connections.length);
    if (column === "load") return `${checks} ${row.load} ${row.limit}`;
    return checks;
  };
  return new Set(columns.filter((c) => of(was, c) !== of(is, c)));
}

/** kindsOf are the kinds that a check concerns where it concerns fewer than the agent's all; empty where it concerns all. */
export function kindsOf(check: Check, row: Row, inboxes: readonly Inbox[]): readonly string[] {
  if (check.scope === undefined) return [];
  const kinds = (places: readonly Place[]): Set<string> => new Set(places.flatMap((p) => p.kinds ?? inboxes.find((i) => i.name === p.inbox)?.kinds ?? []));
  const some = kinds(check.scope);
  const all = kinds(row.inboxes);
  return some.size < all.size ? [...some] : [];
}

/** switchesOf are the switches that keep messages from an agent, by the name of their documents. */
export function switchesOf(row: Row): readonly string[] {
  const names = new Set<string>();
  for (const c of row.checks) {
    if (c.outcome === "pass") continue;
    if (c.gate === "switch.platform") names.add("platform");
    if (c.gate === "switch.account") names.add(`account.${row.agent}`);
    if (c.gate === "switch.inbox") for (const p of c.scope ?? row.inboxes) names.add(`inbox.${p.inbox}`);
  }
  return [...names];
}
