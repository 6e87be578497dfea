import type { Schemas } from "@bida/shared/api";

/** nextLook is when to ask again what became of a repair: often until a message has arrived, not at all when nothing more is looked at. */
export function nextLook(repair: Schemas["Repair"] | undefined, now: Date): number | false {
  const check = repair?.check;
  if (!repair || !check) return 3_000;
  if (check.over) return false;
  if (check.state === "arrived") return 60_000;
  return now.getTime() - new Date(repair.at).getTime() < 5 * 60_000 ? 3_000 : 20_000;
}
