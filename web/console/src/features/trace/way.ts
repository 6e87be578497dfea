import type { Schemas } from "@bida/shared/api";
import { advises } from "../../ui/gates";

type Stage = Schemas["Stage"];
type Trace = Pick<Schemas["Trace"], "stages" | "message">;
type Candidate = Schemas["Candidate"];
type Gate = Schemas["Gate"];

export interface Step {
  readonly stage: Stage;
  /** Milliseconds since the stage before it; undefined where either time is not known. */
  readonly after: number | undefined;
}

/** steps puts the time between stages beside them. */
export function steps(stages: readonly Stage[]): Step[] {
  return stages.map((stage, i) => {
    const before = stages[i - 1]?.at;
    const known = typeof before === "string" && (stage.at as string | null) !== null;
    return { stage, after: known ? Math.max(0, Date.parse(stage.at) - Date.parse(before)) : undefined };
  });
}

const bad = (s: Stage): boolean => s.result === "refused" || s.result === "unacknowledged" || s.result === "not_entitled" || s.result === "quarantined" || s.result === "rejected" || s.stage === "withdrawn" || s.stage === "failed";

/** brokenAt is the index of the stage at which the way broke: the last bad one after which nothing went well; -1 if it did not. */
export function brokenAt(trace: Trace): number {
  const last = trace.stages.findLastIndex(bad);
  if (last < 0) return -1;
  const mended = trace.stages.slice(last + 1).some((s) => ["released", "received", "seen", "accepted", "answered", "delivered"].includes(s.stage));
  return mended ? -1 : last;
}

/** firstStop is the first gate that did not let a candidate pass; undefined if all did. */
export function firstStop(c: Candidate): Gate | undefined {
  return c.gates.find((g) => g.outcome !== "pass" && g.outcome !== "not_applicable" && !advises(g.gate));
}
