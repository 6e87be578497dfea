import { describe, expect, it } from "vitest";
import { found, noFilter } from "./filter";
import type { Account } from "./queries";

function account(name: string, more: Partial<Account> = {}): Account {
  return {
    name, agent: true, state: "active", presence: "available", online: true, sessions: 1, load: 0, has_password: false, roles: [], teams: [],
    cells: { of: 2, pass: 2, wait: 0, unknown: 0, unexpected: 0 }, ...more,
  };
}

const all = [
  account("z", { title: "客服甲", number: "1010" }),
  account("agent-b", { title: "Zoë", alias: "小青", number: "1002", teams: [{ name: "pre", title: "售前组" }], cells: { of: 2, pass: 1, wait: 0, unknown: 0, unexpected: 1 } }),
  account("agent-c", { state: "frozen", cells: { of: 2, pass: 0, wait: 0, unknown: 2, unexpected: 0 } }),
  account("shop", { agent: false }),
];
const names = (filter: Partial<typeof noFilter>): string => found(all, { ...noFilter, ...filter }).map((a) => a.name).join(" ");

describe("the list of agents", () => {
  it("is in order of number, those without one last", () => {
    expect(names({})).toBe("agent-b z agent-c");
    expect(names({ agents: false })).toBe("agent-b z agent-c shop");
  });
  it("finds by every name, without case, accents and what cannot be seen", () => {
    expect(names({ text: "ZOE" })).toBe("agent-b");
    expect(names({ text: " 小青  1002 " })).toBe("agent-b");
    expect(names({ text: "客\u200b服" })).toBe("z");
    expect(names({ text: "客服乙" })).toBe("");
  });
  it("keeps by state, by team and by what is not on purpose", () => {
    expect(names({ state: "frozen" })).toBe("agent-c");
    expect(names({ team: "pre" })).toBe("agent-b");
    expect(names({ team: "-" })).toBe("z agent-c");
    expect(names({ unexpected: true })).toBe("agent-b agent-c");
  });
});
