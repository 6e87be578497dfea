import type { Schemas } from "@bida/shared/api";

type Span = Schemas["DiagnosisSpan"];

/** A piece of a lane, as parts of the lane's width: 0 is its beginning, 1 its end. */
export interface Piece {
  readonly at: number;
  readonly width: number;
  readonly span: Span;
}

/** piecesOf cuts spans to the time that is drawn. One that ended before it began, or begins after it ends, is left out. */
export function piecesOf(spans: readonly Span[], from: string, to: string): Piece[] {
  const start = Date.parse(from);
  const length = Math.max(Date.parse(to) - start, 1);
  const part = (t: number): number => Math.min(1, Math.max(0, (t - start) / length));
  return spans.flatMap((span) => {
    const at = part(Date.parse(span.from));
    const end = span.to === null ? 1 : part(Date.parse(span.to));
    return end < at || Date.parse(span.from) > Date.parse(to) ? [] : [{ at, width: end - at, span }];
  });
}

/** placeOf is where an instant lies in the time that is drawn. */
export function placeOf(at: string, from: string, to: string): number {
  const start = Date.parse(from);
  return Math.min(1, Math.max(0, (Date.parse(at) - start) / Math.max(Date.parse(to) - start, 1)));
}

/** hoursOf are marks for an axis: at most about six, on round hours of the person's clock. */
export function hoursOf(from: string, to: string): Date[] {
  const length = Date.parse(to) - Date.parse(from);
  const hour = 3_600_000;
  const step = [1, 2, 3, 4, 6, 12, 24, 48, 96, 168].map((h) => h * hour).find((s) => length / s <= 6) ?? 168 * hour;
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((Date.parse(from) - zone) / step) * step + zone;
  const marks: Date[] = [];
  for (let t = first; t < Date.parse(to); t += step) marks.push(new Date(t));
  return marks;
}
