import type { Schemas } from "@bida/shared/api";
import { newId } from "../help/id";

type Edit = Schemas["DiagnosisEdit"];

/** documentsOf is what POST /repairs compares a fix with; undefined where the specs were left out for lack of the person's rights. */
export function documentsOf(edits: readonly Edit[]): Schemas["DocumentInput"][] | undefined {
  const documents: Schemas["DocumentInput"][] = [];
  for (const e of edits) {
    if (typeof e.spec !== "object" || e.spec === null) return undefined;
    documents.push({ kind: e.kind, name: e.name, spec: e.spec as Record<string, unknown> });
  }
  return documents;
}

/** repairOf says which cause of which report is to be repaired, and for which request for help. */
export function repairOf(finding: Schemas["DiagnosisFinding"], report: Schemas["DiagnosisReport"], request: string | undefined): Schemas["RepairInput"] {
  const { agent, inbox, kind, message } = report.subject;
  return {
    id: newId(), agent, code: finding.code, ...(inbox === undefined ? {} : { inbox }), ...(kind === undefined ? {} : { kind }), ...(message === undefined ? {} : { message }),
    ...(request === undefined ? {} : { help_request: request }),
  };
}

const longest = 80;

/** shortValue writes a field's value on a line; "" for one that is not there. */
export function shortValue(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
