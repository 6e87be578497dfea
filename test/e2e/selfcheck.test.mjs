import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, once, Person } from "./browser.mjs";
import { Agent, ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

describe("self-check", () => {
  let server, known;
  before(async () => {
    server = await Server.start();
    known = await ownWords(server);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  const row = (page, name) => page.locator(".sc-tests > li", { has: page.getByText(name, { exact: true }) });

  /** passes waits until a test has passed; on a machine that is busy it may take more than the time it has, and is tried again. */
  async function passes(page, name, words, again) {
    await once(`${name}: ${words}`, async () => {
      if (await row(page, name).getByText(words).count() > 0) return true;
      const button = page.getByRole("button", { name: again });
      if (await row(page, name).locator(".outcome").count() > 0 && await page.locator('.sc[aria-busy="false"]').count() > 0) await button.click();
      return false;
    });
  }

  for (const look of [{ language: "zh", scheme: "light", size: "desktop" }, { language: "en", scheme: "dark", size: "phone" }]) {
    test(`an agent checks this very window, and is told that the browser forbids notifications (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const zh = look.language === "zh";
      const agent = await Agent.at(server, { ...look, allow: [/^4(09|29) POST \/api\/v1\/me\/self-check/] });
      await agent.page.locator(".rb-pill").click();
      await agent.page.getByRole("button", { name: zh ? "自检这个窗口" : "Check this window" }).click();
      await row(agent.page, zh ? "浏览器通知" : "Browser notifications").getByText(zh ? "被浏览器禁止" : "forbidden by the browser").first().waitFor();
      await passes(agent.page, zh ? "测试消息" : "Test message", zh ? /已送达并确认/ : /arrived and confirmed/, zh ? "重新检查" : "Check again");
      await agent.page.locator(".sc-cells tbody tr").first().waitFor();
      await agent.look("selfcheck", { known });
      assert.equal(await agent.page.locator(".ant-notification-notice").count(), 0, "a test message is shown to nobody");
      if (look.size === "desktop") {
        await agent.page.getByRole("button", { name: "清除本地数据并更新" }).click();
        await agent.page.getByRole("dialog", { name: "清除本地数据并更新？" }).getByText("没有未发送的内容。").waitFor();
        await agent.look("selfcheck-clear", { known });
      }
      agent.calm();
      await agent.leave();
    });
  }

  test("a supervisor has an agent's window check itself, and the agent is told", async () => {
    const agent = await Agent.at(server, { allow: [/^4(04|09|29) POST \/api\/v1\/me\/self-check/] });
    const boss = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/, /^429 POST \/api\/v1\/accounts\/agent-a\/self-check/] });
    await boss.signIn("supervisor-b");
    await boss.page.goto("/agents/agent-a");
    await boss.page.getByRole("button", { name: "窗口自检" }).click();
    const asked = boss.page.locator(".sc-windows", { hasText: "由主管乙发起" });
    // A window of a machine that is very busy may not answer within the time, and is then named as one that said nothing; it is asked once more.
    for (let tries = 0; tries < 2 && await asked.getByText("被浏览器禁止").count() === 0; tries++) {
      await boss.page.getByRole("button", { name: "开始检查" }).click();
      await boss.page.locator('.sc[aria-busy="true"]').waitFor();
      await boss.page.locator('.sc[aria-busy="false"]').waitFor();
      await asked.locator(".sc-window .outcome").first().waitFor();
    }
    const window = asked.locator(".sc-window");
    assert.equal(await window.count(), 1, "the agent has one window");
    assert.match(await window.innerText(), /被浏览器禁止|没有回答/);
    await boss.look("selfcheck-agent", { known });
    await agent.page.getByText(/请您的窗口做了一次自检/).first().waitFor();
    agent.calm();
    boss.calm();
    await agent.leave();
    await boss.leave();
  });
});
