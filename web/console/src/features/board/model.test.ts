import { describe, expect, it } from "vitest";
import { after, among, cellOf, changedColumns, counts, first, kindsOf, needsLook, noFilter, quiet, switchesOf, within, type Check, type Inbox, type Row, type Told } from "./model";

const inboxes: readonly Inbox[] = [{ name: "web", title: "网站", mode: "live", kinds: ["customer", "group"] }, { name: "mail", title: "邮箱", mode: "async", kinds: ["customer"] }];

const check = (column: Check["column"], code: string, more: Partial<Check> = {}): Check => ({ column, gate: code, outcome: "block", code, expected: false, ...more });

function row(agent: string, more: Partial<Row> = {}): Row {
  return {
    agent, teams: [], inboxes: [{ inbox: "web" }], can: [{ inbox: "web" }], verdict: "receiving", checks: [], idle: [], presence: { account: agent, value: "available" }, connections: [], load: 0, live: 0, ...more,
  };
}

const told = (rows: readonly Row[], more: Partial<Told> = {}): Told => ({
  position: 1, revision: 1, at: "2026-11-27T10:00:00.000+08:00", counts: { can: 0, of: 0, kinds: [] }, inboxes: [...inboxes], teams: [{ name: "day", title: "白班" }], reset: false, rows: [...rows], ...more,
});

describe("the board that is told of piece by piece", () => {
  it("keeps the order and the rows that are not told of again", () => {
    const a = row("a", { number: "10" });
    const b = row("b", { number: "9" });
    const one = after(undefined, told([a, b, row("c")], { reset: true }));
    expect(one.order).toEqual(["b", "a", "c"]);
    const away = row("a", { number: "10", checks: [check("presence", "presence.away")] });
    const two = after(one, told([away], { position: 2 }));
    expect(two.order).toBe(one.order);
    expect(two.rows.get("b")).toBe(b);
    expect(two.rows.get("a")).toBe(away);
    expect(two.head.position).toBe(2);
    expect(one.rows.get("a")).toBe(a);
  });

  it("takes out who is gone, moves who is renumbered, and begins again when everything is told", () => {
    const one = after(undefined, told([row("a", { number: "1" }), row("b", { number: "2" })], { reset: true }));
    expect(after(one, told([], { gone: ["a"] })).order).toEqual(["b"]);
    expect(after(one, told([row("a", { number: "3" })])).order).toEqual(["b", "a"]);
    expect([...after(one, told([row("c")], { reset: true })).rows.keys()]).toEqual(["c"]);
  });
});

describe("what a column says", () => {
  const denied = check("permission", "permission.kind.account_denied", { scope: [{ inbox: "web", kinds: ["group"] }] });
  const late = check("permission", "permission.reply.never", { expected: true, outcome: "block" });
  const r = row("a", { checks: [denied, late, check("window", "window.agent.closed", { outcome: "wait", expected: true, until: "2026-11-27T14:00:00.000+08:00" })], idle: ["connection"] });

  it("is what matters most in it, as far as it bears on the scope", () => {
    expect(cellOf(r, "permission", noFilter, inboxes).check).toBe(denied);
    expect(cellOf(r, "permission", { inbox: "", kind: "customer" }, inboxes).check).toBe(late);
    expect(cellOf(r, "account", noFilter, inboxes).outcome).toBe("pass");
    expect(cellOf(r, "connection", noFilter, inboxes).outcome).toBe("not_applicable");
    expect(kindsOf(denied, r, inboxes)).toEqual(["group"]);
    expect(kindsOf(late, r, inboxes)).toEqual([]);
  });

  it("puts what is not on purpose first", () => {
    expect(first(r, noFilter, inboxes)).toBe(denied);
    expect(first(r, { inbox: "", kind: "customer" }, inboxes)).toBe(late);
    expect(needsLook(r, noFilter, inboxes)).toBe(true);
    expect(needsLook(r, { inbox: "", kind: "customer" }, inboxes)).toBe(false);
    expect(first(row("b"), noFilter, inboxes)).toBeUndefined();
  });

  it("warns without stopping", () => {
    const warned = row("a", { checks: [check("window", "window.agent.year_unannounced", { outcome: "pass" })] });
    expect(cellOf(warned, "window", noFilter, inboxes)).toMatchObject({ outcome: "pass", checks: [{ code: "window.agent.year_unannounced" }] });
    expect(needsLook(warned, noFilter, inboxes)).toBe(false);
    expect(quiet([warned], noFilter, inboxes).has("window")).toBe(false);
    expect(quiet([warned], noFilter, inboxes).has("load")).toBe(true);
  });
});

describe("filters and counts", () => {
  const board = after(undefined, told([
    row("a", { title: "客服甲", teams: ["day"], inboxes: [{ inbox: "web" }, { inbox: "mail" }], can: [{ inbox: "mail" }, { inbox: "web", kinds: ["customer"] }] }),
    row("b", { title: "Zoë", inboxes: [{ inbox: "mail" }], can: [] }),
    row("c", { inboxes: [], can: [] }),
  ], { reset: true }));
  const names = (part: Partial<typeof noFilter>) => among(board, { ...noFilter, ...part }).map((r) => r.agent);

  it("finds by words, team, inbox and kind", () => {
    expect(names({ text: "zoe" })).toEqual(["b"]);
    expect(names({ text: "客服甲 a" })).toEqual(["a"]);
    expect(names({ team: "day" })).toEqual(["a"]);
    expect(names({ team: "-" })).toEqual(["b", "c"]);
    expect(names({ inbox: "mail" })).toEqual(["a", "b"]);
    expect(names({ kind: "group" })).toEqual(["a"]);
    expect(names({ inbox: "mail", kind: "group" })).toEqual([]);
    expect(within([{ inbox: "web", kinds: ["group"] }], { inbox: "web", kind: "" }, inboxes)).toBe(true);
  });

  it("counts who can receive what, of those who belong to it", () => {
    const all = counts([...board.rows.values()], noFilter, inboxes);
    expect(all.any).toEqual({ can: 1, of: 3 });
    expect(all.kinds).toEqual([{ kind: "customer", can: 1, of: 2 }, { kind: "group", can: 0, of: 1 }]);
    expect(counts([...board.rows.values()], { ...noFilter, inbox: "mail" }, inboxes)).toEqual({ any: { can: 1, of: 2 }, kinds: [{ kind: "customer", can: 1, of: 2 }] });
  });
});

it("tells which columns changed", () => {
  const was = row("a");
  expect([...changedColumns(was, row("a", { live: 1, load: 1 }))]).toEqual(["load"]);
  expect([...changedColumns(was, row("a", { checks: [check("push", "switch.account.off")], presence: { account: "a", value: "away" } }))]).toEqual(["push", "presence"]);
  expect([...changedColumns(was, row("a", { received: "2026-11-27T10:00:00.000+08:00" }))]).toEqual([]);
});

it("names the switches that stop an agent", () => {
  const off = (gate: string, more: Partial<Check> = {}): Check => ({ column: "push", gate, code: `${gate}.off`, outcome: "block", expected: false, ...more });
  expect(switchesOf(row("a", { checks: [off("switch.platform"), off("switch.inbox", { scope: [{ inbox: "mail" }] }), off("switch.account"), off("maintenance")] }))).toEqual(["platform", "inbox.mail", "account.a"]);
  expect(switchesOf(row("a", { inboxes: [{ inbox: "web" }], checks: [off("switch.inbox")] }))).toEqual(["inbox.web"]);
  expect(switchesOf(row("a"))).toEqual([]);
});
