import type { Account } from "./queries";

export interface Filter {
  readonly text: string;
  readonly state: Account["state"] | "";
  /** A team's name; "-" for those in none. */
  readonly team: string;
  readonly unexpected: boolean;
  readonly agents: boolean;
}

export const noFilter: Filter = { text: "", state: "", team: "", unexpected: false, agents: true };

/** What somebody types is found in any script: without case, width and accents. */
function plain(text: string): string {
  return text.normalize("NFKD").replace(/[\p{M}\p{Cf}]/gu, "").toLowerCase();
}

/** needsLook says whether something stops the account that is not on purpose, or that cannot be told. */
export function needsLook(a: Account): boolean {
  return a.cells.unexpected > 0 || a.cells.unknown > 0;
}

/** found are the accounts that a filter keeps, by number, those without one last, then by name. */
export function found(accounts: readonly Account[], filter: Filter): readonly Account[] {
  const words = plain(filter.text).split(/\s+/).filter((w) => w !== "");
  const keeps = (a: Account): boolean => {
    if (filter.agents && !a.agent) return false;
    if (filter.state !== "" && a.state !== filter.state) return false;
    if (filter.team === "-" ? a.teams.length > 0 : filter.team !== "" && !a.teams.some((t) => t.name === filter.team)) return false;
    if (filter.unexpected && !needsLook(a)) return false;
    const all = plain([a.name, a.title, a.alias, a.number, a.position].join("\n"));
    return words.every((w) => all.includes(w));
  };
  return accounts.filter(keeps).toSorted((a, b) =>
    (a.number ?? "\u{10ffff}").localeCompare(b.number ?? "\u{10ffff}", "en", { numeric: true }) || a.name.localeCompare(b.name, "en", { numeric: true }));
}
