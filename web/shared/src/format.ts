import type { Language } from "./text";

// Times, names and sizes are written here and nowhere else.

const locale = (language: Language): string => (language === "zh" ? "zh-CN" : "en-GB");

const sameDay = (a: Date, b: Date): boolean => a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();

/** clock writes an instant as short as it is clear: the time alone today, with the day otherwise, with the year where it is another one. */
export function clock(at: Date | string, language: Language, now: Date = new Date(), seconds = false): string {
  const t = new Date(at);
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds ? { second: "2-digit" } : {}) };
  if (sameDay(t, now)) return t.toLocaleTimeString(locale(language), time);
  const day: Intl.DateTimeFormatOptions = { month: "short", day: "numeric", ...(t.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }) };
  return t.toLocaleString(locale(language), { ...day, ...time });
}

/** exact writes an instant to the millisecond with its offset, for those who compare logs. */
export function exact(at: Date | string): string {
  const t = new Date(at);
  const two = (n: number): string => String(Math.abs(n)).padStart(2, "0");
  const offset = -t.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, "0")} ${zone}`;
}

/** day writes a date as the heading of what happened on it. */
export function day(at: Date | string, language: Language, now: Date = new Date()): string {
  const t = new Date(at);
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (sameDay(t, now)) return language === "zh" ? "今天" : "Today";
  if (sameDay(t, yesterday)) return language === "zh" ? "昨天" : "Yesterday";
  return t.toLocaleDateString(locale(language), {
    month: "long", day: "numeric", weekday: "short", ...(t.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }),
  });
}

/** ago says how long something is past, in one unit. */
export function ago(at: Date | string, language: Language, now: Date = new Date()): string {
  const seconds = Math.max(0, Math.round((now.getTime() - new Date(at).getTime()) / 1000));
  if (seconds < 5) return language === "zh" ? "刚刚" : "just now";
  const relative = new Intl.RelativeTimeFormat(locale(language), { numeric: "always", style: "short" });
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86400), "day");
}

/** span writes a length of time: 850 ms, 1.2 s, 12 s, 3 min, 2 h. */
export function span(ms: number, language: Language): string {
  const unit = (n: number, zh: string, en: string): string => (language === "zh" ? `${n} ${zh}` : `${n} ${en}`);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return unit(Math.round(ms / 100) / 10, "秒", "s");
  if (ms < 60_000) return unit(Math.round(ms / 1000), "秒", "s");
  if (ms < 3_600_000) return unit(Math.floor(ms / 60_000), "分钟", "min");
  return unit(Math.floor(ms / 3_600_000), "小时", "h");
}

/** size writes a number of bytes. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MB`;
}

/** kindTitle is what people call a kind of message. */
export function kindTitle(kind: string, language: Language): string {
  const known: Record<string, readonly [string, string]> = {
    customer: ["客户消息", "customer messages"], group: ["群消息", "group messages"], system: ["系统推送", "system messages"],
    auto_reply: ["自动回复", "automatic replies"], internal: ["内部消息", "internal messages"],
  };
  return known[kind]?.[language === "zh" ? 0 : 1] ?? kind;
}
