import { describe, expect, it } from "vitest";
import { ApiError } from "@bida/shared/api";
import { Faults } from "./faults";

const list: readonly { field: string; document: string; message: string }[] = [
  { field: "/spec/zone", document: "schedule/early", message: "unknown zone" },
  { field: "/spec/weekly/1/from", document: "schedule/early", message: "not a time" },
  { field: "/spec/weekly/10", document: "schedule/early", message: "overlaps" },
  { field: "/spec/hours", document: "inbox/web", message: "no such schedule" },
];
const refused = new ApiError(400, "policy.invalid", "4 problems", "", "/spec/zone", undefined, 0, list);

describe("what the server refuses", () => {
  const faults = Faults.of(refused, "schedule", "early");

  it("stands beside its field", () => {
    expect(faults.at("/zone")).toEqual(["unknown zone"]);
    expect(faults.at("/weekly/1")).toEqual(["not a time"]);
    expect(faults.at("/weekly/1", false)).toEqual([]);
    expect(faults.at("/weekly")).toEqual(["not a time", "overlaps"]);
    expect(faults.at("/title")).toEqual([]);
  });

  it("is not taken for a fault of this document where it is of another", () => {
    expect(faults.at("/hours")).toEqual([]);
    expect(faults.summary()).toContain("inbox/web: no such schedule");
    expect(faults.count).toBe(4);
  });

  it("is one sentence where the server names no fields, and nothing where it did not refuse", () => {
    expect(Faults.of(new ApiError(409, "policy.inbox_busy", "busy"), "inbox", "web").summary()).toEqual(["busy"]);
    expect(Faults.of(new ApiError(0, "network", ""), "inbox", "web").any).toBe(false);
    expect(Faults.of(new ApiError(412, "policy.stale", "stale"), "inbox", "web").any).toBe(false);
  });
});
