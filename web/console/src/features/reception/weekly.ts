/** The days as documents write them, in the order in which people read a week. */
export const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof days)[number];

/** One opening of a day. `to` at or before `from` runs into the next day; "24:00" is the end of the day. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

/** An opening as a schedule writes it. */
export interface Opening extends Window {
  readonly days: readonly Day[];
}

/** The week as people see it: the openings of each day. */
export type Week = Readonly<Record<Day, readonly Window[]>>;

const isDay = (x: unknown): x is Day => days.some((d) => d === x);
const text = (x: unknown): string => (typeof x === "string" ? x : "");

/** weekOf reads the openings of a schedule, each day's by their beginning. */
export function weekOf(weekly: unknown): Week {
  const week: Record<Day, Window[]> = { mon: [], tue: [], wed: [], thu: [], fri: [], sat: [], sun: [] };
  for (const item of Array.isArray(weekly) ? (weekly as readonly Record<string, unknown>[]) : []) {
    const on = Array.isArray(item["days"]) ? item["days"].filter(isDay) : [];
    for (const day of on) week[day].push({ from: text(item["from"]), to: text(item["to"]) });
  }
  for (const day of days) week[day].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  return week;
}

/** weeklyOf writes a week: days with the same opening share a line, in the order of their first day. A line has a day once. */
export function weeklyOf(week: Week): readonly Opening[] {
  const lines: { days: Day[]; from: string; to: string }[] = [];
  for (const day of days) {
    for (const { from, to } of week[day]) {
      const line = lines.find((l) => l.from === from && l.to === to && !l.days.includes(day));
      if (line) line.days.push(day);
      else lines.push({ days: [day], from, to });
    }
  }
  return lines;
}

/** placesOf says which line of weeklyOf each opening of the week is in: faults name lines, and people see days. */
export function placesOf(week: Week): Readonly<Record<Day, readonly number[]>> {
  const lines = weeklyOf(week);
  const places: Record<Day, number[]> = { mon: [], tue: [], wed: [], thu: [], fri: [], sat: [], sun: [] };
  for (const day of days) {
    const used = new Set<number>();
    for (const { from, to } of week[day]) {
      const at = lines.findIndex((l, i) => !used.has(i) && l.from === from && l.to === to && l.days.includes(day));
      used.add(at);
      places[day].push(at);
    }
  }
  return places;
}

/** sameWeek compares weeks: the order in which a schedule lists its openings does not count. */
export function sameWeek(a: Week, b: Week): boolean {
  const sorted = (week: Week): string => JSON.stringify(days.map((d) => week[d].map((w) => `${w.from}-${w.to}`).sort()));
  return sorted(a) === sorted(b);
}

/** tidy makes a time of day of what somebody typed ("9", "930", "9：30"); what is none stays as it is, for the server to refuse. */
export function tidy(typed: string): string {
  const plain = typed.trim().replace(/[：.]/, ":");
  const found = /^(\d{1,2}):?(\d{2})?$/.exec(/^\d{3}$/.test(plain) ? `0${plain}` : plain);
  if (!found) return plain;
  return `${(found[1] ?? "").padStart(2, "0")}:${found[2] ?? "00"}`;
}

/** minutesOf is a time of day in minutes, or NaN. */
export function minutesOf(time: string): number {
  const found = /^(\d\d):(\d\d)$/.exec(time);
  const minutes = found ? Number(found[1]) * 60 + Number(found[2]) : NaN;
  return minutes <= 24 * 60 ? minutes : NaN;
}

/** overMidnight says whether an opening ends on the next day. */
export function overMidnight(w: Window): boolean {
  return minutesOf(w.to) <= minutesOf(w.from);
}

/** A piece of a day that is open, in minutes; `rest` is what runs over from the day before. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly rest: boolean;
}

/** piecesOf is what is open on a day: its own openings up to midnight, and what runs over from the day before. */
export function piecesOf(week: Week, day: Day): readonly Piece[] {
  const known = (w: Window): boolean => !Number.isNaN(minutesOf(w.from)) && !Number.isNaN(minutesOf(w.to));
  const before = days[(days.indexOf(day) + 6) % 7] ?? "sun";
  const rest = week[before].filter(known).filter((w) => overMidnight(w) && minutesOf(w.to) > 0).map((w) => ({ from: 0, to: minutesOf(w.to), rest: true }));
  const own = week[day].filter(known).map((w) => ({ from: minutesOf(w.from), to: overMidnight(w) ? 24 * 60 : minutesOf(w.to), rest: false }));
  return [...rest, ...own].sort((a, b) => a.from - b.from);
}

/** hoursOf is how many hours a week is open. */
export function hoursOf(week: Week): number {
  return days.flatMap((d) => piecesOf(week, d)).reduce((sum, p) => sum + p.to - p.from, 0) / 60;
}
