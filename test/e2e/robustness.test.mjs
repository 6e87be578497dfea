import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close } from "./browser.mjs";
import { agentAt, away, inChat, inThread, openConversation, visitorAt, write } from "./people.mjs";
import { Server } from "./server.mjs";

const nasty = "<img src=x onerror=\"document.title='caught'\"><script>document.title='caught'</script> \u202egnirts\u202c \u200bzero\u200b " + "长".repeat(300);

describe("what can go wrong", () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("script, very long, zero-width and right-to-left text is shown as text, on both sides", async () => {
    const agent = await agentAt(server, "agent-a");
    const visitor = await visitorAt(server, { size: "phone" });
    await write(visitor.page, nasty);
    await openConversation(agent, "<img src=x");
    await agent.page.locator(".ws-messages").getByText("<script>").first().waitFor();
    await write(agent.page, nasty);
    await visitor.page.locator(".balloon").getByText("<script>").nth(1).waitFor();
    for (const page of [agent.page, visitor.page]) {
      assert.notEqual(await page.title(), "caught");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 1, "it is not wider than the window");
    }
    for (const p of [agent, visitor]) {
      p.calm();
      await p.leave();
    }
  });

  test("an empty file and one over the limit are refused in words; a picture arrives", async () => {
    const visitor = await visitorAt(server, { allow: [/^4\d\d POST \/api\/v1\/chat\/web\/attachments/] });
    const agent = await agentAt(server, "agent-c");
    const picker = visitor.page.locator('input[type="file"]').first();
    await picker.setInputFiles({ name: "空.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) });
    await visitor.page.getByText(/空文件|空的|0 字节|没有内容/).first().waitFor();
    await picker.setInputFiles({ name: "大.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(21 * 1024 * 1024, 1) });
    await visitor.page.getByText(/20 MB|太大|超过/).first().waitFor();
    const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
    await picker.setInputFiles({ name: "碗.png", mimeType: "image/png", buffer: png });
    await write(visitor.page, "看图");
    await openConversation(agent, "看图");
    await agent.page.locator(".ws-messages img").first().waitFor();
    for (const p of [agent, visitor]) {
      p.calm();
      await p.leave();
    }
  });

  test("a session that ends while somebody writes costs no draft", async () => {
    const visitor = await visitorAt(server);
    const agent = await agentAt(server, "agent-a", { allow: [/^401 /] });
    await write(visitor.page, "会话到期的问题");
    await openConversation(agent, "会话到期的问题");
    await agent.page.locator("textarea").first().fill("写到一半的回复");
    const supervisor = await server.as("supervisor-b");
    await supervisor("DELETE", "/accounts/agent-a/sessions");
    await agent.page.waitForURL("**/sign-in**");
    await agent.page.getByLabel("账号", { exact: true }).fill("agent-a");
    await agent.page.getByLabel("密码", { exact: true }).fill(server.password);
    await agent.page.getByRole("button", { name: "登录", exact: true }).click();
    await agent.page.waitForURL("**/workspace/**");
    await agent.page.locator("textarea").first().waitFor();
    assert.equal(await agent.page.locator("textarea").first().inputValue(), "写到一半的回复");
    await agent.leave();
    await visitor.leave();
  });

  test("where WebSocket is refused, messages come over server-sent events, and the page says so", async () => {
    const agent = await agentAt(server, "agent-c", { allow: [/WebSocket/] });
    await agent.page.routeWebSocket(/\/api\/v1\/realtime/, (ws) => ws.close({ code: 1011 }));
    await agent.page.reload();
    await agent.page.getByText("备用通道").waitFor();
    const visitor = await visitorAt(server);
    await write(visitor.page, "走备用通道");
    await openConversation(agent, "走备用通道");
    await write(agent.page, "收到");
    await inChat(visitor.page, "收到").waitFor();
    agent.calm();
    await agent.leave();
    await visitor.leave();
  });

  test("an answer that cannot be sent is kept, said to be kept, and sent once", async () => {
    const agent = await agentAt(server, "agent-a", { allow: away });
    const visitor = await visitorAt(server);
    await write(visitor.page, "接口失败的问题");
    await openConversation(agent, "接口失败的问题");
    let broken = true;
    await agent.page.route("**/replies", (route) => (broken
      ? route.fulfill({ status: 503, headers: { "Content-Type": "application/problem+json", "Retry-After": "1" }, body: JSON.stringify({ title: "暂时不可用", status: 503, detail: "存储暂时无法写入。", code: "system.health.store" }) })
      : route.continue()));
    await write(agent.page, "坏接口上的回复");
    await inThread(agent.page, "坏接口上的回复").waitFor();
    broken = false;
    const retry = agent.page.getByRole("button", { name: /重试|重新发送|再试/ });
    await Promise.race([inChat(visitor.page, "坏接口上的回复").waitFor(), retry.first().click().catch(() => undefined)]);
    await inChat(visitor.page, "坏接口上的回复").waitFor();
    assert.equal(await inChat(visitor.page, "坏接口上的回复").count(), 1);
    assert.equal(await inThread(agent.page, "坏接口上的回复").count(), 1);
    await agent.leave();
    await visitor.leave();
  });
});
