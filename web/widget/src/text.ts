// Text for people: sizes, times, links.

import type { Words } from "./words";

/** bytes is how long a text is for the server. */
export function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function size(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ["KB", "MB", "GB"];
  let value = n;
  let unit = "B";
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${unit}`;
}

export function clock(at: number, w: Words): string {
  return new Intl.DateTimeFormat(w.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

/** dayOf is the same for two moments on one day of the visitor's calendar. */
export function dayOf(at: number): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${d.getMonth() + 1}-${d.getDate()}`;
}

export function day(at: number, w: Words, now = Date.now()): string {
  if (dayOf(at) === dayOf(now)) return w.today;
  const before = new Date(now);
  before.setDate(before.getDate() - 1);
  if (dayOf(at) === dayOf(before.getTime())) return w.yesterday;
  const year = new Date(at).getFullYear() !== new Date(now).getFullYear();
  return new Intl.DateTimeFormat(w.lang, { month: "long", day: "numeric", weekday: "long", ...(year ? { year: "numeric" } : {}) }).format(at);
}

/** moment names a time in the near future: the hour alone when it is today. */
export function moment(at: number, w: Words, now = Date.now()): string {
  if (dayOf(at) === dayOf(now)) return clock(at, w);
  const next = new Date(now);
  next.setDate(next.getDate() + 1);
  return `${dayOf(at) === dayOf(next.getTime()) ? w.tomorrow : day(at, w, now)} ${clock(at, w)}`;
}

export interface Piece {
  text: string;
  href?: string;
}

// What ends a sentence does not belong to the address in it. Chinese text follows an address without a space.
const address = /\bhttps?:\/\/[^\s<>"'“”‘’「」『』（）《》【】，。；：、！？\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/gi;

/** pieces splits a text into plain runs and http(s) links; nothing else ever becomes a link. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(address)) {
    let link = match[0].replace(/[.,;:!?*_~]+$/, "");
    // A closing bracket belongs to the address only if it was opened there.
    while (link.endsWith(")") && link.split("(").length < link.split(")").length) link = link.slice(0, -1);
    let url: URL;
    try {
      url = new URL(link);
    } catch {
      continue;
    }
    if ((url.protocol !== "http:" && url.protocol !== "https:") || !url.hostname) continue;
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    found.push({ text: link, href: url.href });
    done = match.index + link.length;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}
