import type { State, Stretch } from "./queries";

/** An hour as the clock on the wall shows it, with the worst that is in it. */
export interface Hour {
  readonly from: number;
  readonly to: number;
  /** "none" for an hour that the clock skips, or that was not asked for. */
  readonly state: State | "none";
  /** The fewest agents while the inbox is open. */
  readonly least: number;
  /** When the worst of it begins: the instant to ask about. */
  readonly at: number;
}

const rank: Readonly<Record<State | "none", number>> = { none: 0, closed: 1, covered: 2, single: 3, gap: 4 };

/** week divides spans into days of 24 hours. An hour that comes twice is one place; one that is skipped is empty. */
export function week(spans: readonly Stretch[], start: Date, days: number): readonly (readonly Hour[])[] {
  const known = spans.map((s) => ({ from: Date.parse(s.from), to: Date.parse(s.to), state: s.state, count: s.count }));
  let next = 0; // spans follow each other, and so do hours
  const hour = (from: number, to: number): Hour => {
    while (next < known.length && (known[next]?.to ?? 0) <= from) next++;
    let worst: Hour = { from, to, state: "none", least: 0, at: from };
    for (let i = next; i < known.length && (known[i]?.from ?? to) < to; i++) {
      const s = known[i];
      if (s === undefined || from >= to) break;
      const fewer = s.state === "covered" && worst.state === "covered" && s.count < worst.least;
      if (rank[s.state] > rank[worst.state] || fewer) worst = { from, to, state: s.state, least: s.count, at: Math.max(from, s.from) };
    }
    return worst;
  };
  return Array.from({ length: days }, (_, day) => Array.from({ length: 24 }, (_, h) => {
    const at = (more: number): number => new Date(start.getFullYear(), start.getMonth(), start.getDate() + day, h + more).getTime();
    return hour(at(0), at(1));
  }));
}

/** midnight is the beginning of a day, so many days after today. */
export function midnight(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
}
