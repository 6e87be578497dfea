import type { Schemas } from "@bida/shared/api";

type Edit = Schemas["DiagnosisEdit"];

/** documentsOf is what PUT /policy takes of a fix. An edit without a spec was left out for lack of the asker's rights. */
export function documentsOf(edits: readonly Edit[]): Schemas["DocumentInput"][] {
  return edits.map((e) => {
    if (typeof e.spec !== "object" || e.spec === null) throw new Error(`the fix of ${e.kind}/${e.name} has no document`);
    return { kind: e.kind, name: e.name, spec: e.spec as Record<string, unknown> };
  });
}

const longest = 80;

/** shortValue writes a field's value on a line; "" for one that is not there. */
export function shortValue(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
