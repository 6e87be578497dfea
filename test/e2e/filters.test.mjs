import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

describe("filter rules and what they keep back", () => {
  let server, admin, known;
  const write = (id, text, contact = "spammer") => admin("POST", "/inboxes/web/messages", { id, contact: { id: contact, name: "访客甲" }, text });
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    const { revision, documents } = await admin("GET", "/policy");
    await admin("PUT", "/policy/documents/filter/advertising", {
      spec: { title: "广告与骚扰", match: { keywords: ["加微信"] }, action: "quarantine", reason: "广告" },
    }, { "If-Match": `"${revision}"` });
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).filter(Boolean)
      .concat("管理员", "广告与骚扰", "广告", "加微信", "您好，请加微信领取优惠", "我想加微信退款", "请加微信联系").sort((a, b) => b.length - a.length);
    assert.equal((await write("held-1", "您好，请加微信领取优惠")).status, "quarantined");
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`intercepted messages and the bench (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const zh = look.language === "zh";
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto("/intercepted");
      const card = person.page.locator(".filters-list > li").filter({ hasText: "领取优惠" });
      await card.getByRole("button", { name: zh ? "为什么被拦截" : "Why it was intercepted" }).click();
      await card.locator("mark", { hasText: "加微信" }).waitFor();
      await person.look("intercepted", { known });
      await person.page.goto("/filters");
      await person.page.getByLabel(zh ? "消息内容" : "Text of the message").fill("请加微信联系");
      await person.page.getByRole("button", { name: zh ? "试用" : "Try", exact: !zh }).click();
      await person.page.locator(".filters-result mark", { hasText: "加微信" }).waitFor();
      await person.look("filters", { known });
      person.calm();
      await person.leave();
    });
  }

  test("a supervisor releases a message, and an administrator has the rule take no such message any more", async () => {
    const held = await write("held-2", "我想加微信退款", "returning");
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("admin");
    await person.page.goto("/intercepted");
    const card = person.page.locator(".filters-list > li").filter({ hasText: "退款" });
    await card.getByRole("button", { name: "不是骚扰" }).click();
    await person.page.getByText("让这条规则不再拦截“returning”的消息").waitFor();
    await person.page.getByRole("button", { name: "应用修改" }).click();
    await person.page.getByText(/规则已修改，现在是版本 \d+/).waitFor();
    await card.getByRole("button", { name: "放行" }).click();
    await card.waitFor({ state: "detached" });
    await person.page.getByText("已放行", { exact: true }).click();
    await card.getByText("管理员 于").waitFor();
    assert.equal((await admin("GET", `/quarantine/${held.message}`)).state, "released");
    assert.notEqual((await write("held-3", "我想加微信退款", "returning")).status, "quarantined");
    await person.page.goto(`/workspace/${held.conversation}`);
    await person.page.getByText("曾被拦截，由管理员放行").waitFor();
    person.calm();
    await person.leave();
  });
});
