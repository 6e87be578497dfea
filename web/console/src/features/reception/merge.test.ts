import { describe, expect, it } from "vitest";
import { clashes, differences, put, reapply } from "./merge";

const base = { title: "广告", match: { keywords: ["加微信"], senders: { block: ["u1"] } }, action: "quarantine" };

describe("changes of a document", () => {
  it("are named by the member that differs", () => {
    const after = { ...base, match: { ...base.match, keywords: ["加微信", "免费"] }, reason: "骚扰" };
    expect(differences(base, after).map((d) => d.path)).toEqual(["/match/keywords", "/reason"]);
    expect(differences(base, structuredClone(base))).toEqual([]);
    expect(differences({ until: "2026-12-01T09:00:00+08:00" }, { until: "2026-12-01T01:00:00Z" })).toEqual([]);
  });

  it("leave out what is empty, with the objects around it", () => {
    expect(put(put(base, "/match/senders/block", []), "/title", "")).toEqual({ match: { keywords: ["加微信"] }, action: "quarantine" });
    expect(put({}, "/announcement/to/everybody", true)).toEqual({ announcement: { to: { everybody: true } } });
    expect(put({ "a/b": 1 }, "/a~1b", 2)).toEqual({ "a/b": 2 });
  });

  it("go on top of what somebody else saved, member by member", () => {
    const mine = { ...base, enabled: false, match: { ...base.match, keywords: ["加微信", "免费"] } };
    const theirs = { ...base, title: "广告与骚扰", match: { ...base.match, senders: { block: ["u1", "u2"] } } };
    expect(reapply(base, mine, theirs)).toEqual({ ...theirs, enabled: false, match: { keywords: ["加微信", "免费"], senders: { block: ["u1", "u2"] } } });
    expect(clashes(base, mine, theirs)).toEqual([]);
  });

  it("clash where both changed the same to something else", () => {
    const mine = put(base, "/title", "甲");
    expect(clashes(base, mine, put(base, "/title", "乙")).map((d) => d.path)).toEqual(["/title"]);
    expect(clashes(base, mine, mine)).toEqual([]);
    expect(clashes(base, put(base, "/match/senders/block", ["u9"]), put(base, "/match/senders", undefined)).map((d) => d.path)).toEqual(["/match/senders/block"]);
    expect(reapply(base, put(base, "/title", ""), put(base, "/action", "reject"))).toEqual({ match: base.match, action: "reject" });
  });
});
