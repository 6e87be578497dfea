import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Agent, ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

const allow = [/^401 GET \/api\/v1\/me/];

describe("permissions of agents", () => {
  let server, known;
  before(async () => {
    server = await Server.start();
    known = await ownWords(server);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`the list and the page of an account look right (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow });
      await person.signIn("admin");
      await person.page.goto("/agents");
      await person.page.getByText("客服甲").first().waitFor();
      await person.look("agents", { known });
      await person.page.goto("/agents/agent-d");
      await person.page.locator(".agents-permission").first().waitFor();
      await person.look("agent", { known });
      person.calm();
      await person.leave();
    });
  }

  for (const look of [looks[0], looks[looks.length - 1]]) {
    test(`a permission says what would change it, and another role is tried out without changing anything (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow });
      const zh = look.language.startsWith("zh");
      await person.signIn("admin");
      await person.page.goto("/agents/agent-d");
      const row = person.page.locator(".agents-permission", { hasText: zh ? "接收群消息" : /receive group messages/i }).first();
      const tell = row.getByRole("button", { name: zh ? /^怎样改变/ : /^What would change it/ });
      await tell.focus();
      await person.page.keyboard.press("Enter");
      await row.getByText(zh ? "取消对本账号“接收群消息”的单独禁止" : /take back this account's own denial/).waitFor();
      assert.equal(await tell.getAttribute("aria-expanded"), "true");
      await person.look("flips", { known });

      await person.page.goto("/diagnosis?agent=agent-d&as=admin");
      await person.page.getByRole("note").filter({ hasText: zh ? "这是模拟" : "This is a what-if" }).waitFor();
      assert.match(await person.page.locator(".diagnosis-head h2").innerText(), zh ? /^模拟：/ : /^If it were so: /);
      assert.equal(await person.page.getByRole("button", { name: zh ? "一键修复" : "Repair" }).count(), 0, "what is only thought of is not repaired");
      await person.look("what-if", { known: ["大促期间只接客户消息 customers only during the sale", ...known] }); // the reason that the demo's supervisor gives
      await person.page.goto("/agents/agent-d");
      await row.waitFor();
      assert.match(await row.innerText(), zh ? /单独禁止/ : /Denied/, "nothing was changed");
      person.calm();
      await person.leave();
    });
  }

  test("what is switched off is said before it is saved, reaches the agent, is found by the diagnosis, and is repaired by one click", async () => {
    const agent = await Agent.at(server);
    const admin = await Person.at(server, { allow });
    await admin.signIn("admin");
    await admin.page.goto("/agents/agent-a");
    const row = admin.page.locator(".agents-permission", { hasText: "群" }).filter({ hasText: "消息" }).first();
    await row.getByText("禁止", { exact: true }).click();
    await admin.page.getByRole("button", { name: "查看影响并保存" }).click();
    const impact = admin.page.getByRole("dialog", { name: "保存之前：会发生什么" });
    await impact.getByText("将不再收到").waitFor();
    assert.match(await impact.innerText(), /在线咨询/, "the inboxes are named");
    assert.match(await impact.innerText(), /门店群/, "all of them");
    await admin.look("impact", { known });
    await impact.getByRole("button", { name: /^保\s?存$/ }).click();
    await admin.page.getByText(/已保存为版本 \d+/).waitFor();

    const notice = agent.page.locator(".ant-notification-notice");
    await notice.filter({ hasText: "群" }).waitFor(); // it names the kind, and goes away by itself
    await agent.look("notice", { known });

    await admin.page.goto("/diagnosis?agent=agent-a&inbox=store&kind=group");
    const card = admin.page.locator(".finding", { hasText: "管理员" }).first();
    await card.waitFor();
    assert.match(await card.innerText(), /版本 \d+/);
    await card.getByRole("button", { name: "一键修复" }).click();
    await admin.page.getByRole("button", { name: "应用", exact: true }).click();
    await admin.page.getByText(/已修复，现在是版本 \d+/).waitFor();
    await card.waitFor({ state: "detached" });
    admin.calm();
    agent.calm();
    await admin.leave();
    await agent.leave();
  });
});
