import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

describe("diagnosis and traces", () => {
  let server, admin, known;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    // What the company calls its things is its own business, in whatever language.
    const { documents } = await admin("GET", "/policy");
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).filter(Boolean).concat("管理员", "大促期间只接客户消息 customers only during the sale").sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`the report reads like the check-list: cause, author, proof, repair (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto("/diagnosis");
      await person.page.getByRole("heading", { level: 2 }).first().waitFor();
      await person.look("diagnosis-first", { known });
      await person.page.goto("/diagnosis?agent=agent-d&kind=group");
      const card = person.page.locator(".finding", { hasText: look.language === "zh" ? "主管乙" : "主管乙" }).first();
      await card.waitFor();
      assert.match(await card.innerText(), look.language === "zh" ? /版本 2/ : /revision 2/);
      await person.page.locator(".lanes").waitFor();
      await person.look("diagnosis", { known });
      person.calm();
      await person.leave();
    });

    test(`a trace shows stages, candidates and attempts (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto("/messages");
      await person.look("search-first", { known });
      await person.page.goto("/messages?id=demo-demo-c-1-0");
      const link = person.page.getByRole("link", { name: /^m\d+$/ });
      await link.waitFor();
      await person.look("search", { known });
      await link.click();
      await person.page.locator(".way > li").nth(3).waitFor();
      await person.page.locator(".decision tbody tr.ant-table-row").first().waitFor();
      await person.look("trace", { known });
      await person.page.locator(".delivery").first().waitFor(); // it was pushed
      person.calm();
      await person.leave();
    });
  }

  test("a refused request is found with what was wrong", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("supervisor-b");
    await person.page.goto("/messages?id=demo-refused-1");
    await person.page.getByText("被拒收的请求").waitFor();
    await person.page.getByText("/kind").waitFor();
    await person.page.goto("/messages?id=nothing-like-it");
    await person.page.getByText("没有找到").waitFor();
    person.calm();
    await person.leave();
  });

  test("one click repairs what a supervisor switched off, and who may not edit is told who may", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("admin");
    await person.page.goto("/diagnosis?agent=agent-d&inbox=store&kind=group");
    const card = person.page.locator(".finding", { hasText: "receive.group" }).first();
    await card.getByRole("button", { name: "一键修复" }).click();
    await person.page.getByRole("button", { name: "应用", exact: true }).click();
    await person.page.getByText(/已修复，现在是版本 \d+/).waitFor();
    await card.waitFor({ state: "detached" });
    const { spec } = await admin("GET", "/policy/documents/account/agent-d");
    assert.equal(spec.deny, undefined, "the document is mended");
    person.calm();
    await person.leave();

    await admin("PUT", "/policy", { documents: [{ kind: "account", name: "agent-a", spec: { ...(await admin("GET", "/policy/documents/account/agent-a")).spec, deny: [{ permission: "receive.group" }] } }] }, { "If-Match": "*" });
    const agent = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await agent.signIn("agent-a");
    await agent.page.goto("/diagnosis?kind=group");
    await agent.page.getByText("您没有修改接待设置的权限").first().waitFor();
    assert.equal(await agent.page.getByRole("button", { name: "一键修复" }).count(), 0);
    agent.calm();
    await agent.leave();
  });

  test("a person without the right is told which one is missing", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/, /^403 GET \/api\/v1\/(diagnosis|accounts)/] });
    await person.signIn("agent-a");
    await person.page.goto("/diagnosis?agent=agent-d");
    await person.page.getByText(/diagnosis\.view|没有查看此诊断的权限/).first().waitFor();
    person.calm();
    await person.leave();
  });

  test("an API that fails is said in words, with a way to try again, and comes back", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/, /^503 GET \/api\/v1\/diagnosis/] });
    await person.signIn("supervisor-b");
    let broken = true;
    await person.page.route("**/api/v1/diagnosis**", (route) => (broken
      ? route.fulfill({ status: 503, headers: { "Content-Type": "application/problem+json" }, body: JSON.stringify({ title: "暂时不可用", status: 503, detail: "存储暂时无法读取，请稍后重试。", code: "system.health.store" }) })
      : route.continue()));
    await person.page.goto("/diagnosis?agent=agent-a");
    await person.page.getByRole("button", { name: "重试" }).waitFor();
    await person.look("diagnosis-error", { known });
    broken = false;
    await person.page.getByRole("button", { name: "重试" }).click();
    await person.page.locator(".checks").waitFor();
    person.calm();
    await person.leave();
  });
});
