import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks } from "./browser.mjs";
import { agentAt, away, inChat, inThread, openConversation, visitorAt, write } from "./people.mjs";
import { Server } from "./server.mjs";

describe("a customer writes and is answered", () => {
  let server, known;
  before(async () => {
    server = await Server.start();
    const admin = await server.as("admin");
    const { documents } = await admin("GET", "/policy");
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position]).filter(Boolean).sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`over the chat link and the workspace (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const name = `${look.language}${look.scheme}${look.size}`;
      const agent = await agentAt(server, "agent-a", look);
      const visitor = await visitorAt(server, look);
      await write(visitor.page, `问题 question ${name}`);
      await openConversation(agent, `问题 question ${name}`);
      await inThread(agent.page, `问题 question ${name}`).waitFor();
      await write(agent.page, `回答 answer ${name}`);
      await inChat(visitor.page, `回答 answer ${name}`).waitFor();
      await inThread(agent.page, `回答 answer ${name}`).waitFor();
      const mine = known.concat(`问题 question ${name}`, `回答 answer ${name}`, "王小明", "请问这款大米有 5 公斤装的吗？");
      await agent.look("workspace", { known: mine });
      await visitor.look("chat-link", { known: mine });
      for (const p of [agent, visitor]) {
        p.calm();
        await p.leave();
      }
    });
  }

  test("on the shop's page, with a reload, a lost network, a killed server and a second tab: nothing lost, nothing twice", async () => {
    const agent = await agentAt(server, "agent-c", { allow: away });
    const visitor = await visitorAt(server, { allow: away, size: "phone" });
    await write(visitor.page, "第一句");
    await openConversation(agent, "第一句");
    await write(agent.page, "答第一句");
    await inChat(visitor.page, "答第一句").waitFor();

    await Promise.all([agent.page.reload(), visitor.page.reload()]);
    await inThread(agent.page, "第一句").waitFor();
    await inChat(visitor.page, "答第一句").waitFor();

    await visitor.context.setOffline(true);
    await write(visitor.page, "断网时写的");
    await write(agent.page, "断网时答的");
    await inThread(agent.page, "断网时答的").waitFor();
    await visitor.context.setOffline(false);
    await inThread(agent.page, "断网时写的").waitFor();
    await inChat(visitor.page, "断网时答的").waitFor();

    await server.kill();
    await agent.page.getByText(/已断开/).first().waitFor();
    await write(visitor.page, "停机时写的");
    await server.run();
    await inThread(agent.page, "停机时写的").waitFor();
    await agent.page.getByText(/实时/).first().waitFor();

    const [secondAgent, secondVisitor] = [await agent.tab(), await visitor.tab()];
    await secondAgent.goto(new URL(agent.page.url()).pathname);
    await secondVisitor.goto("/c/web");
    await write(visitor.page, "两个标签页");
    for (const [page, of] of [[agent.page, inThread], [secondAgent, inThread], [visitor.page, inChat], [secondVisitor, inChat]]) {
      await of(page, "两个标签页").waitFor();
      for (const text of ["第一句", "答第一句", "断网时写的", "断网时答的", "停机时写的", "两个标签页"]) assert.equal(await of(page, text).count(), 1, text);
    }
    for (const p of [agent, visitor]) {
      p.calm();
      await p.leave();
    }
  });

  test("sample customers of the shop write through the real API, and a conversation that has ended is rated", async () => {
    const agent = await agentAt(server, "agent-c");
    const shop = await visitorAt(server);
    await shop.page.goto("/demo/");
    await shop.page.getByRole("button", { name: "来一位顾客" }).click();
    await shop.page.locator("#people li").first().waitFor();
    await shop.look("shop", { known: known.concat("Bida 必达", "Can I pay with a foreign card?"), barriers: false });
    await openConversation(agent, "新米");
    await write(agent.page, "可以的，明天送达");
    await shop.page.getByText("可以的，明天送达").waitFor();

    const visitor = await visitorAt(server);
    await write(visitor.page, "想评价一下");
    await openConversation(agent, "想评价一下");
    await write(agent.page, "好的");
    await inChat(visitor.page, "好的").waitFor();
    await agent.page.getByRole("button", { name: "结束", exact: true }).click();
    const score = visitor.page.getByRole("radio", { name: /^5 分/ });
    await score.waitFor({ state: "attached" });
    await score.check({ force: true });
    await visitor.page.getByRole("button", { name: "提交评价" }).click();
    await visitor.page.getByText(/谢谢您的评价/).first().waitFor();
    for (const p of [agent, shop, visitor]) {
      p.calm();
      await p.leave();
    }
  });
});
