/** The times to which a conversation may be set aside, as people choose them. */
export const spans = ["half", "hour", "hours", "tomorrow"] as const;
export type Span = (typeof spans)[number];

const minutes: Readonly<Record<Exclude<Span, "tomorrow">, number>> = { half: 30, hour: 60, hours: 240 };

/** untilOf is the instant that a choice means: tomorrow is nine in the morning of the person's next day. */
export function untilOf(span: Span, now: Date): Date {
  if (span !== "tomorrow") return new Date(now.getTime() + minutes[span] * 60_000);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9);
}
