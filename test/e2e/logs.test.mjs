import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

const logs = [["接入", "Intake"], ["推送", "Push"], ["登录", "Sign-in"], ["操作", "Operations"], ["错误", "Errors"]];

describe("logs", () => {
  let server, admin, known;
  const write = (id, more = {}) => admin("POST", "/inboxes/web/messages", { id, contact: { id: "logs-customer", name: "访客丙" }, text: "您好，请问订单到哪了", ...more });
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    const { revision, documents } = await admin("GET", "/policy");
    await admin("PUT", "/policy/documents/filter/advertising", {
      spec: { title: "广告与骚扰", match: { keywords: ["加微信"] }, action: "quarantine", reason: "广告" },
    }, { "If-Match": `"${revision}"` });
    await write("log-in");
    await write("log-held", { text: "请加微信", contact: { id: "logs-spammer", name: "访客丁" } });
    await assert.rejects(write("log-refused", { kind: "telegram" }));
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).filter(Boolean).concat("管理员").sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`the five logs (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const zh = look.language === "zh";
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("admin");
      await person.page.goto("/logs");
      await person.page.locator(".logs-table").getByText("log-refused").waitFor();
      await person.look("logs", { known });
      for (const [i, names] of logs.entries()) {
        await person.page.locator(".logs-tabs").getByText(names[zh ? 0 : 1], { exact: true }).click();
        await person.page.getByText(zh ? `${names[0]}日志` : `${names[1]} log`).first().waitFor({ state: "attached" });
        if (i > 0) await person.look(`logs-${names[1].toLowerCase()}`, { known });
      }
      person.calm();
      await person.leave();
    });
  }

  test("a supervisor finds what did not get in, goes to its trace, and saves the log", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("supervisor-b");
    await person.page.goto("/logs");
    const table = person.page.locator(".logs-table");
    const states = person.page.getByRole("group", { name: "状态" });
    await states.getByRole("button", { name: /未提交/ }).click();
    await table.getByText("log-held").waitFor({ state: "detached" });
    await table.getByText("log-refused").waitFor();
    assert.equal(new URL(person.page.url()).searchParams.get("state"), "not_submitted");
    await states.getByRole("button", { name: /已拦截/ }).click();
    await table.getByText("log-held").waitFor();
    await table.getByText("log-refused").waitFor({ state: "detached" });
    // The filter is in the address: whoever is sent it sees the same.
    await person.page.reload();
    await table.getByText("log-held").waitFor();
    const [saved] = await Promise.all([person.page.waitForEvent("download"), person.page.getByText("导出 CSV").click()]);
    assert.match(saved.suggestedFilename(), /^bida-intake-\d{8}-\d{6}\.csv$/);
    await person.page.getByLabel("客服账号").fill("nobody-at-all");
    await person.page.getByLabel("客服账号").press("Enter");
    await person.page.getByText("没有符合筛选条件的记录").waitFor();
    await person.page.getByRole("button", { name: "清除筛选" }).first().click();
    await table.getByText("log-in", { exact: true }).waitFor();
    await table.getByRole("link", { name: /的轨迹$/ }).first().click();
    await person.page.waitForURL(/\/messages\/m\d+$/);
    // The counts are those of what came in: no other log shows them.
    await person.page.goto("/logs");
    await states.getByRole("button", { name: /未提交\s+\d+/ }).waitFor();
    await person.page.locator(".logs-tabs").getByText("推送", { exact: true }).click();
    await states.getByRole("button", { name: "已撤回", exact: true }).waitFor();
    assert.equal(await states.getByRole("button", { name: "已送达", exact: true }).count(), 1);
    person.calm();
    await person.leave();
  });

  test("an agent sees its own pushes and sign-ins, and no other log", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("agent-a");
    await person.page.goto("/logs");
    await person.page.locator(".logs-tabs").getByText("登录", { exact: true }).click();
    await person.page.locator(".logs-table").getByText("登录中").first().waitFor();
    assert.deepEqual(await person.page.locator(".logs-tabs .ant-segmented-item-label").allTextContents(), ["推送", "登录"]);
    person.calm();
    await person.leave();
  });
});
