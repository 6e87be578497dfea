import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

describe("messages that nobody has", () => {
  let server, admin, known, waiting;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    await admin("PUT", "/policy", { documents: [{ kind: "switch", name: "inbox.store", spec: { state: "paused", reason: "stocktaking" } }] }, { "If-Match": "*" });
    waiting = (await admin("POST", "/inboxes/store/messages", { id: "everybody-1", contact: { id: "everybody-c", name: "Customer" }, text: "Is anybody there?" })).message;
    const { documents } = await admin("GET", "/policy");
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason, d.spec.reason]).filter(Boolean).concat("管理员").sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of [looks[0], looks[looks.length - 1]]) {
    test(`where the message is, what stops everybody, and what would help (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto(`/diagnosis?message=${waiting}`);
      const cause = person.page.locator(".finding[data-primary]", { hasText: "inbox.store" }).first();
      await cause.waitFor();
      await person.look("everybody", { known });
      await person.page.goto("/diagnosis?agent=agent-a&inbox=web&about=excess");
      await person.page.locator(".finding", { hasText: look.language === "zh" ? "停止接收的最小改动" : "The smallest change that stops it" }).first().waitFor();
      await person.page.locator(".patterns .ant-collapse-header").click();
      await person.page.locator(".patterns-body").waitFor();
      await person.look("excess", { known });
      person.calm();
      await person.leave();
    });
  }

  test("what settings can do is one click, and what people must do is left", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("admin");
    await person.page.goto(`/messages/${waiting}`);
    await person.page.getByRole("link", { name: /谁收到了这条消息/ }).first().click();
    const best = person.page.locator('section[aria-label="最有效的处理"]');
    await best.getByRole("button", { name: "一键修复" }).click();
    await person.page.getByRole("button", { name: "应用", exact: true }).click();
    await person.page.getByText(/已修复，现在是版本 \d+/).waitFor();
    await person.page.locator(".finding", { hasText: "inbox.store" }).first().waitFor({ state: "detached" });
    const { findings, best: rest } = await admin("GET", `/diagnosis?message=${waiting}`);
    assert.ok(findings.every((f) => f.gate !== "switch.inbox"), "the switch stops nobody any more");
    assert.ok(rest.fix.edits.length === 0 && rest.fix.actions.length > 0, "what is left is for people to do: nobody is signed in");
    person.calm();
    await person.leave();
  });
});
