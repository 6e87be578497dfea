import { describe, expect, it } from "vitest";
import { choices, cleared, exportOf, fields, logs, openLogs, queryOf } from "./filter";

describe("openLogs", () => {
  it("shows everybody their own sign-ins, and more to who may see more", () => {
    expect(openLogs([])).toEqual(["sign-in"]);
    expect(openLogs(["conversation.view"])).toEqual(["push", "sign-in"]);
    expect(openLogs(["trace.view", "intake_log.view"])).toEqual(["intake", "push", "sign-in", "errors"]);
    expect(openLogs(["audit.view", "job.view"])).toEqual(["sign-in", "operations", "errors"]);
  });
});

describe("queryOf", () => {
  it("takes over what the log knows, and nothing else", () => {
    expect(queryOf("push", { log: "push", state: "lost", agent: " agent-a ", kind: "", by: "admin" })).toEqual({ state: "lost", agent: "agent-a" });
    expect(queryOf("operations", { by: "admin", state: "lost", action: "policy.apply" })).toEqual({ by: "admin", action: "policy.apply" });
  });
  it("leaves out a state that the log does not have: another tab's address may have been typed", () => {
    expect(queryOf("push", { state: "not_submitted" })).toEqual({});
    expect(queryOf("intake", { state: "not_submitted" })).toEqual({ state: "not_submitted" });
    expect(queryOf("errors", { what: "lost" })).toEqual({});
  });
  it("asks for instants, and ignores what is no time", () => {
    expect(queryOf("intake", { from: "2026-11-26T09:30", to: "yesterday" })).toEqual({ from: new Date(2026, 10, 26, 9, 30).toISOString() });
  });
});

describe("a filter", () => {
  it("is cleared as a whole", () => {
    expect(Object.keys(cleared("sign-in"))).toEqual([...fields["sign-in"]]);
    expect(Object.values(cleared("sign-in")).every((v) => v === undefined)).toBe(true);
  });
  it("goes along when a log is saved", () => {
    expect(exportOf("intake", { state: "lost", inbox: "网站 a&b" }, "csv")).toBe("/api/v1/logs/intake/export?state=lost&inbox=%E7%BD%91%E7%AB%99+a%26b&format=csv");
  });
  it("has choices for its first field only", () => {
    for (const { name } of logs) if (choices[name].length > 0) expect(["state", "result", "what"]).toContain(fields[name][0]);
  });
});
