import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, once, Person } from "./browser.mjs";
import { Agent, Visitor } from "./people.mjs";
import { Server } from "./server.mjs";

describe("bad input and bad days", () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("script, endless words, invisible and backward letters are shown as what they are, and do nothing", async () => {
    const nasty = [
      `<img src=x onerror="window.ran=1"><script>window.ran=1</script>`, `"><svg/onload=window.ran=1>`, "javascript:window.ran=1", "长".repeat(600), "w".repeat(3000),
      "zero\u200b\u200d\u2060width", "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    ];
    const agent = await Agent.at(server);
    const visitor = await Visitor.at(server, { path: "/c/web", size: "phone" });
    for (const text of nasty) await visitor.write(text);
    await visitor.write("以上都是文字");
    await agent.take("以上都是文字"); // the list shows the last message
    for (const text of nasty) await agent.sees(text.slice(0, 200));
    await agent.answer(nasty[0]);
    await visitor.page.locator(".row.theirs .balloon", { hasText: "onerror" }).waitFor();
    // Names are the company's: an account may be called anything, too.
    const admin = await server.as("admin");
    const { spec } = await admin("GET", "/policy/documents/account/agent-b");
    await admin("PUT", "/policy/documents/account/agent-b", { spec: { ...spec, title: `<b onclick="window.ran=1">乙</b>${"很长".repeat(20)}` } }, { "If-Match": "*" });
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("admin");
    await person.page.goto("/agents");
    await person.page.getByText("很长很长").first().waitFor();
    for (const [who, name] of [[agent, "nasty-workspace"], [visitor, "nasty-visitor"], [person, "nasty-agents"]]) {
      await who.look(name, { known: [...agent.known, ...nasty] });
      assert.equal(await who.page.evaluate(() => window.ran), undefined, `${name}: script of a message ran`);
      who.faults = who.faults.filter((f) => !/of the wrong language/.test(f)); // nasty text is of no language
      who.calm();
      await who.leave();
    }
    await admin("PUT", "/policy/documents/account/agent-b", { spec }, { "If-Match": "*" });
  });

  test("an empty file and one over the limit are refused in words, on both sides", async () => {
    const agent = await Agent.at(server, { allow: [/^4\d\d POST \/api\/v1\/attachments/] });
    const visitor = await Visitor.at(server, { path: "/c/web" });
    await visitor.attach({ name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) });
    await visitor.page.getByText("“empty.txt”是空文件，无法发送").waitFor();
    const directory = await mkdtemp(join(tmpdir(), "bida-e2e-"));
    const large = join(directory, "large.bin"); // from the disk, as a person's file is, and not over the line that steers the browser
    await writeFile(large, Buffer.alloc(20 * 1024 * 1024 + 1, 1));
    await visitor.attach(large);
    await visitor.page.getByText(/“large\.bin”超过 .*，无法发送/).waitFor();
    await visitor.look("visitor-files", { known: [...visitor.known, "large.bin"] });
    await visitor.write("文件发不出去");
    await agent.take("文件发不出去");
    const picker = agent.page.locator('.ws-composer input[type="file"]');
    await picker.setInputFiles({ name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) });
    await agent.page.getByText("文件为空（0 字节）").waitFor();
    await picker.setInputFiles(large);
    await agent.page.getByText("单个文件最大 20 MiB").waitFor();
    await agent.look("workspace-files", { known: agent.known });
    await rm(directory, { recursive: true });
    for (const who of [agent, visitor]) {
      who.calm();
      await who.leave();
    }
  });

  test("a session that is ended while somebody types costs no word: after signing in again the draft is there", async () => {
    const agent = await Agent.at(server, { allow: [/^401 /] });
    const visitor = await Visitor.at(server, { path: "/c/web" });
    await visitor.write("还在吗？我要退货");
    await agent.take("还在吗？我要退货");
    const at = new URL(agent.page.url()).pathname;
    await agent.page.locator(".ws-field textarea").fill("写到一半的话");
    const admin = await server.as("admin");
    const { sessions } = await admin("GET", "/accounts/agent-a/sessions");
    for (const s of sessions) await admin("DELETE", `/accounts/agent-a/sessions?id=${s.id}`);
    const again = agent.page.getByRole("button", { name: "重新登录" });
    const password = agent.page.getByLabel("密码", { exact: true });
    await again.or(password).first().waitFor();
    // The page may go there by itself, as soon as any other request is refused.
    await Promise.any([again.click(), password.waitFor()]);
    await agent.page.getByLabel("账号", { exact: true }).fill("agent-a");
    await password.fill(server.password);
    await agent.page.getByRole("button", { name: "登录", exact: true }).click();
    await agent.page.waitForURL(`**${at}`);
    await agent.page.locator(".ws-field textarea").waitFor();
    await once("the draft is there", async () => (await agent.page.locator(".ws-field textarea").inputValue()) === "写到一半的话");
    for (const who of [agent, visitor]) {
      who.calm();
      await who.leave();
    }
  });

  test("an API that is slow shows that it works, and one that fails says so and can be tried again", async () => {
    let release, broken = false;
    const slow = new Promise((resolve) => (release = resolve));
    const agent = await Agent.at(server, {
      allow: [/^503 GET \/api\/v1\/conversations/],
      before: (a) => a.page.route("**/api/v1/conversations?**", async (route) => {
        await slow;
        await (broken ? route.fulfill({ status: 503, headers: { "Content-Type": "application/problem+json" }, body: JSON.stringify({ title: "暂时不可用", status: 503, detail: "存储暂时无法读取，请稍后重试。", code: "system.health.store" }) }) : route.continue());
      }),
    });
    await agent.page.locator(".ws-list .skeleton").waitFor();
    await agent.look("workspace-slow", { known: agent.known });
    broken = true;
    release();
    await agent.page.locator(".ws-list").getByRole("button", { name: /重\s?试/ }).waitFor();
    await agent.look("workspace-failed", { known: agent.known });
    broken = false;
    await agent.page.locator(".ws-list").getByRole("button", { name: /重\s?试/ }).click();
    await agent.page.locator(".ws-list .ws-row, .ws-list .state").first().waitFor();
    agent.calm();
    await agent.leave();
  });

  test("where a proxy refuses WebSockets, messages come over the fallback, and the line says so", async () => {
    const agent = await Agent.at(server, {
      before: (a) => a.page.routeWebSocket(/realtime/, (socket) => socket.close({ code: 1011, reason: "refused" })),
    });
    const line = agent.page.locator('.ws-fares[data-state="live"]');
    await line.getByText("备用通道").waitFor();
    const visitor = await Visitor.at(server, { path: "/c/web" });
    await visitor.write("走备用通道能收到吗？");
    await agent.take("走备用通道能收到吗？");
    await agent.answer("能收到。");
    await visitor.sees("能收到。");
    await agent.look("workspace-fallback", { known: agent.known });
    for (const who of [agent, visitor]) {
      who.calm();
      await who.leave();
    }
  });
});
