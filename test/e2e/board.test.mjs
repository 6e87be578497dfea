import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, once, Person } from "./browser.mjs";
import { Agent, ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

const allow = [/^401 GET \/api\/v1\/me/];

describe("the board", () => {
  let server, known;
  before(async () => {
    server = await Server.start();
    known = await ownWords(server);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of [looks[0], looks[looks.length - 1]]) {
    test(`it looks right (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow });
      await person.signIn("admin");
      await person.page.goto("/board");
      await person.page.locator('.board-pulse[data-state="live"]').waitFor();
      await person.page.locator(".board-line").first().waitFor();
      await person.look("board", { known });
      person.calm();
      await person.leave();
    });
  }

  test("a supervisor sees a switch go off while it happens, with its author, and turns it on where it is seen", async () => {
    const agent = await Agent.at(server);
    const admin = await Person.at(server, { allow });
    await admin.signIn("admin");
    await admin.page.goto("/board");
    const push = admin.page.locator("#board-push-agent-a");
    await push.and(admin.page.locator('[data-outcome="pass"]')).waitFor();
    const columns = await admin.page.locator(".board-head > span").count();

    const other = await server.as("admin");
    const { revision } = await other("GET", "/policy");
    await other("PUT", "/policy/documents/switch/account.agent-a", { spec: { state: "off", reason: "换班" } }, { "If-Match": `"${revision}"` });
    await push.and(admin.page.locator('[data-outcome="block"]')).waitFor(); // told, not asked for

    await push.hover();
    await admin.page.locator("#board-details", { hasText: /由 ?管理员/ }).waitFor();
    await admin.page.mouse.move(0, 0);
    await admin.page.getByLabel("收起通过的列").check();
    await once("what passes is put away", async () => (await admin.page.locator(".board-head > span").count()) < columns);
    await admin.page.locator("#board-do-agent-a").click();
    await admin.page.getByRole("menuitem", { name: "恢复推送" }).click();
    const dialog = admin.page.getByRole("dialog", { name: "恢复推送" });
    await dialog.getByText("换班").waitFor();
    await dialog.getByRole("button", { name: /^恢\s?复$/ }).click();
    await once("nothing stops the agent's push any more", async () => (await admin.page.locator('#board-push-agent-a[data-outcome="block"]').count()) === 0);
    await dialog.getByRole("button", { name: /关\s?闭/ }).first().click();
    const state = await other("GET", "/policy/documents/switch/account.agent-a");
    assert.equal(state.spec.state, "on");

    // By keyboard: to a cell, and from there to the diagnosis at its check.
    await admin.page.getByLabel("收起通过的列").uncheck();
    await admin.page.locator(".board-scroll").focus();
    for (const key of ["ArrowDown", "ArrowRight", "ArrowRight"]) await admin.page.keyboard.press(key);
    await admin.page.locator(".board-check[data-active]").waitFor();
    await admin.page.keyboard.press("Enter");
    await admin.page.locator(".diagnosis-head").waitFor();
    admin.calm();
    await admin.leave();
    await agent.leave();
  });
});
