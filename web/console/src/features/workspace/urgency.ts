import type { Conversation } from "./queries";

/** byUrgency puts who waits for an answer first, the longest first; then whom one spoke with last. */
export function byUrgency(a: Conversation, b: Conversation): number {
  const waits = (c: Conversation): number => (c.unanswered_since === undefined ? Infinity : new Date(c.unanswered_since).getTime());
  const spoke = (c: Conversation): number => new Date(c.last_message?.at ?? c.updated_at).getTime();
  if (waits(a) !== waits(b)) return waits(a) - waits(b);
  return spoke(b) - spoke(a) || a.id.localeCompare(b.id);
}
