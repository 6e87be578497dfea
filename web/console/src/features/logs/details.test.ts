import { describe, expect, it } from "vitest";
import { detailsOf } from "./details";
import { logsText } from "./text";

describe("the details of an operation", () => {
  it("are documents with what was done to them", () => {
    const changes = [{ kind: "autoreply", name: "welcome", action: "create", after: { on: "welcome" } }, { kind: "account", name: "agent-d", action: "update" }];
    expect(detailsOf(changes, logsText.zh)).toBe("新建自动回复“welcome”、修改账号“agent-d”");
    expect(detailsOf(changes, logsText.en)).toBe("automatic reply “welcome” created, account “agent-d” changed");
  });

  it("are values by name", () => {
    expect(detailsOf({ session: "s145", remote: "127.0.0.1" }, logsText.zh)).toBe("登录会话 s145、来源地址 127.0.0.1");
    expect(detailsOf({ value: "available" }, logsText.zh)).toBe("状态 在线");
    expect(detailsOf({ unheard_of: 3 }, logsText.en)).toBe("unheard_of 3");
  });

  it("are nothing where there is nothing to say", () => {
    for (const details of [undefined, null, [], {}, [null, {}], "x"]) expect(detailsOf(details, logsText.en)).toBe("");
  });
});
