/** China's public holidays and make-up workdays, which the program brings. */
export const PublicCalendar = "cn-public";

export type DayType = "off" | "work";

/** A line of a calendar's year: days that are off, or worked to make up for others. */
export interface Line {
  readonly type: DayType;
  readonly name: string;
  readonly days: readonly string[];
}

function lines(list: unknown, type: DayType): readonly Line[] {
  return (Array.isArray(list) ? (list as readonly Record<string, unknown>[]) : []).map((l) => ({
    type, name: typeof l["name"] === "string" ? l["name"] : "", days: Array.isArray(l["days"]) ? l["days"].filter((d) => typeof d === "string") : [],
  }));
}

/** linesOf reads a year of a calendar: what is off first. */
export function linesOf(year: unknown): readonly Line[] {
  const y = typeof year === "object" && year !== null ? (year as Record<string, unknown>) : {};
  return [...lines(y["off"], "off"), ...lines(y["work"], "work")];
}

/** yearOf writes a year; its source stays. */
export function yearOf(list: readonly Line[], before: unknown): Record<string, unknown> {
  const source = typeof before === "object" && before !== null ? (before as Record<string, unknown>)["source"] : undefined;
  const of = (type: DayType) => list.filter((l) => l.type === type).map((l) => ({ ...(l.name === "" ? {} : { name: l.name }), days: l.days }));
  const year: Record<string, unknown> = {};
  if (typeof source === "string" && source !== "") year["source"] = source;
  for (const type of ["off", "work"] as const) if (of(type).length > 0) year[type] = of(type);
  return year;
}

/** pointerOf is where the server finds a line of linesOf: "/off/0", "/work/1". */
export function pointerOf(list: readonly Line[], index: number): string {
  const line = list[index];
  if (!line) return "";
  return `/${line.type}/${list.slice(0, index).filter((l) => l.type === line.type).length}`;
}

/** unannounced lists the years of the next 90 days that a calendar does not have: their days are treated by their weekday. */
export function unannounced(years: readonly string[], now: Date): readonly string[] {
  const end = new Date(now.getTime() + 90 * 86_400_000);
  const needed = [...new Set([now.getFullYear(), end.getFullYear()])].map(String);
  return needed.filter((y) => !years.includes(y));
}

/** datesOf reads dates that somebody typed or pasted, and spans of them ("2027-02-15..2027-02-21"); what is none stays, for the server to refuse. */
export function datesOf(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,，、;；]+/).filter((x) => x !== "").flatMap((piece) => {
    const [from = "", to] = piece.split(/\.\.|~|～|至/);
    return to === undefined ? [from] : span(from, to, piece);
  }))];
}

function span(from: string, to: string, piece: string): readonly string[] {
  const start = Date.parse(`${from}T00:00:00Z`);
  const days = (Date.parse(`${to}T00:00:00Z`) - start) / 86_400_000;
  if (!(days >= 0 && days < 366)) return [piece];
  return Array.from({ length: days + 1 }, (_, i) => new Date(start + i * 86_400_000).toISOString().slice(0, 10));
}

/** datesText writes dates so that datesOf reads them: three or more that follow each other as a span. */
export function datesText(days: readonly string[]): string {
  const parts: string[] = [];
  for (let i = 0; i < days.length; ) {
    let end = i;
    while (end + 1 < days.length && Date.parse(days[end + 1] ?? "") - Date.parse(days[end] ?? "") === 86_400_000) end++;
    if (end - i >= 2) parts.push(`${days[i]}..${days[end]}`);
    else parts.push(...days.slice(i, end + 1));
    i = end + 1;
  }
  return parts.join(" ");
}
