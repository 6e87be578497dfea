import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { agentAt, beforeSignIn } from "./people.mjs";
import { Server } from "./server.mjs";

describe("what an agent may receive", () => {
  let server, admin, known;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    const { documents } = await admin("GET", "/policy");
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).filter(Boolean).concat("管理员", "客服主管", "审计", "权限管理员").sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`the list and the three blocks are to be read (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [beforeSignIn] });
      await person.signIn("admin");
      await person.page.goto("/agents");
      await person.page.getByText("客服甲").first().waitFor();
      await person.look("agents", { known });
      await person.page.goto("/agents/agent-d");
      await person.page.getByText(look.language === "zh" ? "接收群消息" : /receive group messages/i).first().waitFor();
      await person.look("agent", { known });
      person.calm();
      await person.leave();
    });
  }

  test("switching a right off says whom it alters, tells the agent, is found by the diagnosis, and repaired by one click", async () => {
    const agent = await agentAt(server, "agent-a");
    const person = await Person.at(server, { allow: [beforeSignIn] });
    await person.signIn("admin");
    await person.page.goto("/agents/agent-a");
    const row = person.page.getByText("接收群消息", { exact: true }).locator("xpath=ancestor::*[.//*[text()='禁止']][1]");
    await row.getByText("禁止", { exact: true }).first().click();
    await person.page.getByRole("button", { name: "查看影响并保存" }).or(person.page.getByRole("button", { name: /保存/ })).first().click();
    await person.page.getByText("将不再收到").first().waitFor();
    await person.look("impact", { known });
    await person.page.locator(".ant-drawer, .ant-modal").getByRole("button", { name: /^(确认)?保存/ }).last().click();
    await person.page.getByText(/已保存为版本/).first().waitFor();

    await agent.page.getByText(/群消息/).first().waitFor();

    await person.page.goto("/diagnosis?agent=agent-a&kind=group");
    const card = person.page.locator(".finding[data-primary]");
    await card.waitFor();
    assert.match(await card.innerText(), /管理员/);
    await card.getByRole("button", { name: "一键修复" }).click();
    await person.page.getByRole("button", { name: "应用", exact: true }).click();
    await person.page.getByText(/已修复，现在是版本/).waitFor();
    const { spec } = await admin("GET", "/policy/documents/account/agent-a");
    assert.equal(spec.deny, undefined);
    for (const p of [person, agent]) {
      p.calm();
      await p.leave();
    }
  });
});
