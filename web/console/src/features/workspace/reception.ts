import type { Schemas } from "@bida/shared/api";

type Cell = Schemas["Cell"];

/** sumUp says in one word and a reason whether the person receives. What was decided on purpose by nobody else, such as a break, is not said twice. */
export function sumUp(cells: readonly Cell[]): { readonly outcome: "pass" | "block" | "wait" | "unknown" | "not_applicable"; readonly can: number; readonly first: Cell | undefined } {
  const can = cells.filter((c) => c.can).length;
  const stopped = cells.filter((c) => !c.can);
  const first = stopped.find((c) => c.outcome === "block") ?? stopped[0];
  if (cells.length === 0) return { outcome: "not_applicable", can, first };
  if (stopped.length === 0) return { outcome: "pass", can, first };
  if (stopped.some((c) => c.outcome === "block")) return { outcome: can > 0 ? "wait" : "block", can, first };
  return { outcome: stopped.some((c) => c.outcome === "unknown") ? "unknown" : "wait", can, first };
}
