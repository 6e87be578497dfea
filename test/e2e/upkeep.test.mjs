import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { close, once } from "./browser.mjs";
import { Server } from "./server.mjs";
import { Agent, Visitor } from "./people.mjs";

const words = {
  zh: {
    asked: "今天能发货吗？", close: "收起公告", text: "今晚 22:00 升级，请提前结束会话。", maintenance: "维护时间", update: "立即更新", low: "客户端版本无法识别",
    more: "更多操作", snooze: "稍后处理", hour: "1 小时后", wake: "恢复处理", aside: /稍后 .*\d/,
  },
  en: {
    asked: "Will you ship today?", close: "Close the announcement", text: "Upgrade tonight at 22:00; please finish before.", maintenance: "Maintenance from", update: "Update now",
    low: "Client version not known", more: "More actions", snooze: "Set aside", hour: "for an hour", wake: "Take up again", aside: /aside until/,
  },
};

// What is announced, and what is required of clients, concerns everybody at once: one after the other.
describe("the upkeep of reception", () => {
  let server, admin;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
  });
  after(async () => {
    await close();
    await server.stop();
  });

  const write = async (kind, name, spec) => {
    const { revision } = await admin("GET", "/policy");
    await admin(spec ? "PUT" : "DELETE", `/policy/documents/${kind}/${name}`, spec ? { spec } : undefined, { "If-Match": `"${revision}"` });
  };

  for (const look of [{ language: "zh", size: "desktop" }, { language: "en", size: "phone", scheme: "dark" }]) {
    test(`is announced above the pages, and old clients are told to update (${look.language})`, async () => {
      const t = words[look.language];
      const hours = (n) => new Date(Date.now() + n * 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");
      const agent = await Agent.at(server, look);
      await write("maintenance", "upgrade", {
        title: "数据库升级", from: hours(2), until: hours(4), announcement: { zh: words.zh.text, en: words.en.text, to: { everybody: true } },
      });
      const banner = agent.page.locator(".announcement");
      await banner.filter({ hasText: t.text }).filter({ hasText: t.maintenance }).waitFor();
      await agent.page.reload(); // the notices of the change and of the announcement have been seen
      await banner.waitFor();
      await agent.look("announcement", { known: [...agent.known, "数据库升级", ...Object.values(words).map((w) => w.text)] });
      await agent.page.getByRole("button", { name: t.close }).click();
      await banner.filter({ hasText: t.text }).waitFor({ state: "detached" });
      await agent.page.reload();
      await agent.page.locator(".rb-pill").waitFor();
      assert.equal(await banner.count(), 0, "what was closed is back");

      await write("client", "console", { minimum: "1.0.0", reason: "演示" }); // a build of the tests has no version
      await agent.page.reload();
      await banner.filter({ hasText: t.low }).waitFor();
      await agent.look("update", { known: [...agent.known, "数据库升级", "演示", ...Object.values(words).map((w) => w.text)] });
      await Promise.all([agent.page.waitForEvent("load"), agent.page.getByRole("button", { name: t.update }).click()]);
      await write("client", "console");
      await write("maintenance", "upgrade");
      await agent.page.reload();
      await agent.page.locator(".rb-pill").waitFor();
      await once("nothing is required any more", async () => (await banner.count()) === 0);
      agent.calm();
      await agent.leave();
    });

    test(`lets an agent set a conversation aside (${look.language})`, async () => {
      const t = words[look.language];
      const agent = await Agent.at(server, look);
      const visitor = await Visitor.at(server, { ...look, path: look.size === "phone" ? "/c/web" : "/demo/" });
      await visitor.write(t.asked);
      await agent.take(t.asked);
      const head = agent.page.locator(".ws-head");
      await head.getByRole("button", { name: t.more }).click();
      await agent.page.getByRole("menuitem", { name: t.snooze }).hover();
      await agent.page.getByRole("menuitem", { name: t.hour }).click();
      await head.getByText(t.aside).waitFor();
      await agent.look("aside", { known: [...agent.known, ...Object.values(words).map((w) => w.asked)] });
      await visitor.write(`${t.asked} 2`); // the customer writes: it is under way again
      await head.getByText(t.aside).waitFor({ state: "detached" });
      await agent.sees(`${t.asked} 2`);
      agent.calm();
      await agent.leave();
      await visitor.leave();
    });
  }
});
