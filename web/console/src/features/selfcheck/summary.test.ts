import { expect, test } from "vitest";
import { wordsIn } from "@bida/shared/text";
import type { Outlook } from "./queries";
import { sayResult } from "./found";
import { summary } from "./summary";
import { selfcheckText } from "./text";
import { tests } from "./checks";

const outlook: Outlook = {
  agent: "agent-a", at: "2026-11-23T10:00:00+08:00", position: 7, revision: 1, verdict: "waiting", headline: { zh: "客服甲暂时收不到消息。", en: "Agent A gets nothing for now." },
  cells: [
    {
      inbox: "web", inbox_title: "官网", kind: "customer", now: { at: "2026-11-23T10:00:00+08:00", outcome: "wait", code: "window.agent.closed", reason: { zh: "不在时段内", en: "Outside the window" }, expected: true },
      next: { at: "2026-11-23T14:00:00+08:00", outcome: "pass", expected: false },
    },
  ],
};

test("the result can be sent to somebody: the answer, the grid, the window, with signs", () => {
  const zh = summary(wordsIn(selfcheckText, "zh"), outlook, [
    { test: "socket", outcome: "pass", result: "ok", ms: 8 }, { test: "clock", outcome: "block", result: "ahead", ms: 180_000 }, { test: "notifications", outcome: "block", result: "denied" },
  ], "zh", new Date("2026-11-23T02:00:00Z"));
  expect(zh).toContain("客服甲暂时收不到消息。");
  expect(zh).toMatch(/官网 · 客户消息: ◷ 不在时段内; .*\d\d:\d\d 起 ✓ 可以接收/);
  expect(zh).toContain("✓ 实时连接: 往返正常 · 8 毫秒");
  expect(zh).toContain("✕ 浏览器通知: 被浏览器禁止");
  expect(zh).toMatch(/✕ 电脑时钟: 快了 ?3 分/);
});

test("there are words for every result that there is, in both languages", () => {
  const results: Readonly<Record<string, readonly string[]>> = { // as docs/realtime-protocol.md lists them
    socket: ["not_connected"], message: ["not_connected", "elsewhere", "not_pushed", "not_received", "limited", "refused"], reconnect: ["not_connected", "gap"], version: ["outdated", "required"],
    notifications: ["denied", "not_asked", "unsupported"], secure: ["insecure"], sound: ["off", "blocked", "unsupported"], clock: ["ahead", "behind"], storage: ["full", "denied"],
  };
  for (const language of ["zh", "en"] as const) {
    const t = wordsIn(selfcheckText, language);
    const untried = sayResult(t, { test: "socket", outcome: "unknown", result: "untried" }, language);
    for (const name of tests) {
      for (const result of results[name] ?? []) expect(sayResult(t, { test: name, outcome: "block", result, ms: 200_000 }, language), `${name} ${result}`).not.toBe(untried);
      expect(sayResult(t, { test: name, outcome: "pass", result: "ok" }, language)).not.toBe("");
    }
  }
});
