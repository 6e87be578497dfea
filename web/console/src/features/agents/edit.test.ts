import { describe, expect, it } from "vitest";
import { choose, chooseRoles, chosen, clashes, differences, reapply, same, type Spec } from "./edit";

const agent: Spec = {
  title: "客服甲", agent: true, roles: ["agent"], windows: ["night"], capacity: { total: 3 }, later: { unknown: ["kept"] },
  deny: [{ permission: "receive.group" }, { permission: "receive", until: "2026-12-01T00:00:00+08:00" }],
};

describe("the three choices", () => {
  it("reads what the document says itself", () => {
    expect(chosen(agent, "receive.group")).toEqual({ choice: "deny" });
    expect(chosen(agent, "receive")).toEqual({ choice: "deny", until: "2026-12-01T00:00:00+08:00" });
    expect(chosen(agent, "message.reply")).toEqual({ choice: "inherit" });
    expect(chosen({ allow: [{ permission: "x" }], deny: [{ permission: "x" }] }, "x")).toEqual({ choice: "deny" });
    expect(chosen({ allow: "nonsense", deny: [null, 1] }, "x")).toEqual({ choice: "inherit" });
  });

  it("moves a permission from deny to allow and touches nothing else", () => {
    expect(choose(agent, "receive.group", { choice: "allow" })).toEqual({
      ...agent, allow: [{ permission: "receive.group" }], deny: [{ permission: "receive", until: "2026-12-01T00:00:00+08:00" }],
    });
  });

  it("leaves an empty list out", () => {
    const next = choose(choose(agent, "receive.group", { choice: "inherit" }), "receive", { choice: "inherit" });
    expect("deny" in next).toBe(false);
    expect("allow" in next).toBe(false);
    expect(next["later"]).toEqual({ unknown: ["kept"] });
    expect(next["capacity"]).toEqual({ total: 3 });
  });

  it("keeps the place of an entry whose end changes", () => {
    expect(choose(agent, "receive.group", { choice: "deny", until: "2027-01-01T00:00:00Z" })["deny"]).toEqual([
      { permission: "receive.group", until: "2027-01-01T00:00:00Z" }, { permission: "receive", until: "2026-12-01T00:00:00+08:00" },
    ]);
    expect(choose(agent, "receive", { choice: "deny" })["deny"]).toEqual([{ permission: "receive.group" }, { permission: "receive" }]);
  });

  it("takes both away where a document had both", () => {
    expect(choose({ allow: [{ permission: "x" }], deny: [{ permission: "x" }] }, "x", { choice: "inherit" })).toEqual({});
  });

  it("comes back to the document it began with", () => {
    expect(same(choose(choose(agent, "message.reply", { choice: "deny" }), "message.reply", { choice: "inherit" }), agent)).toBe(true);
  });

  it("does not change the document that it was given", () => {
    const before = JSON.stringify(agent);
    choose(agent, "receive.group", { choice: "allow" });
    chooseRoles(agent, []);
    expect(JSON.stringify(agent)).toBe(before);
  });
});

describe("roles", () => {
  it("keep their order, and new ones follow", () => {
    expect(chooseRoles({ roles: ["b", "a"] }, ["c", "a", "b"])["roles"]).toEqual(["b", "a", "c"]);
    expect(chooseRoles({ title: "x", roles: ["a"] }, [])).toEqual({ title: "x" });
  });
});

describe("differences", () => {
  it("are named by what people changed", () => {
    const after = choose(chooseRoles(agent, ["supervisor"]), "receive.group", { choice: "inherit" });
    expect(differences(agent, { ...after, alias: "小禾" })).toEqual([
      { about: "role", role: "supervisor", held: true },
      { about: "role", role: "agent", held: false },
      { about: "permission", permission: "receive.group", before: { choice: "deny" }, after: { choice: "inherit" } },
      { about: "field", field: "alias" },
    ]);
    expect(differences(agent, agent)).toEqual([]);
  });

  it("do not see one instant written in two ways", () => {
    expect(differences({ deny: [{ permission: "x", until: "2026-12-01T00:00:00+08:00" }] }, { deny: [{ permission: "x", until: "2026-11-30T16:00:00.000Z" }] })).toEqual([]);
    expect(same({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
    expect(same({ a: undefined }, {})).toBe(false);
    expect(same("2026", "2026-01-01T00:00:00Z")).toBe(false);
  });
});

describe("when somebody else saved first", () => {
  const mine = choose(chooseRoles(agent, ["agent", "lead"]), "receive.group", { choice: "inherit" });

  it("my changes are made on theirs, and theirs stay", () => {
    const theirs: Spec = { ...choose(agent, "message.reply", { choice: "deny" }), title: "客服甲甲", state: "frozen" };
    const next = reapply(agent, mine, theirs);
    expect(next["title"]).toBe("客服甲甲");
    expect(next["state"]).toBe("frozen");
    expect(next["roles"]).toEqual(["agent", "lead"]);
    expect(chosen(next, "message.reply")).toEqual({ choice: "deny" });
    expect(chosen(next, "receive.group")).toEqual({ choice: "inherit" });
    expect(clashes(agent, mine, theirs)).toEqual([]);
  });

  it("what both changed is named", () => {
    const theirs = choose(agent, "receive.group", { choice: "allow" });
    expect(clashes(agent, mine, theirs)).toEqual([
      { about: "permission", permission: "receive.group", before: { choice: "allow" }, after: { choice: "inherit" } },
    ]);
    expect(chosen(reapply(agent, mine, theirs), "receive.group")).toEqual({ choice: "inherit" });
  });

  it("a field that I removed is removed there too", () => {
    expect("windows" in reapply(agent, { ...Object.fromEntries(Object.entries(agent).filter(([f]) => f !== "windows")) }, { ...agent, title: "x" })).toBe(false);
  });
});
