import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

describe("the guided check-list", () => {
  let server, admin, known;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    const { documents } = await admin("GET", "/policy");
    known = documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).filter(Boolean).concat("管理员", "周一早上收不到").sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("a supervisor answers with three keys for an agent on another platform, saves it, and a colleague opens the link", async () => {
    const person = await Person.at(server, { ...looks[0], allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("supervisor-b");
    await person.page.goto("/checklist?platform=qianniu");
    const first = person.page.locator('[data-question="account_active"]');
    await first.focus();
    for (const key of ["1", "2", "3"]) await person.page.keyboard.press(key);
    const report = person.page.locator(".checklist-report");
    const zh = looks[0].language === "zh";
    await report.getByText(zh ? "不属于该接待渠道" : "Not a member of the inbox", { exact: true }).waitFor();
    await person.page.reload(); // what was answered outlives it
    await person.page.locator('[data-question="member"] [data-value="no"][aria-pressed="true"]').waitFor();
    for (const [question, value] of [["signed_in", "no"], ["connected", "yes"]]) await person.page.locator(`[data-question="${question}"] [data-value="${value}"]`).click();
    await person.page.locator(".checklist-contradictions").waitFor();
    await person.look("checklist-contradicts", { known });
    await person.page.getByRole("button", { name: zh ? "保存" : "Save" }).click();
    await person.page.getByLabel(zh ? "标题" : "Title", { exact: true }).fill("周一早上收不到");
    await person.page.locator(".checklist-save button").click();
    await person.page.waitForURL(/id=k\d+/);
    await person.page.getByRole("heading", { level: 1, name: "周一早上收不到" }).waitFor();
    const link = person.page.url();
    const [saved] = (await admin("GET", "/checklists")).checklists;
    assert.equal(saved.title, "周一早上收不到");
    person.calm();
    await person.leave();
    const colleague = await Person.at(server, { ...looks[1], allow: [/^401 GET \/api\/v1\/me/] });
    await colleague.signIn("admin");
    await colleague.page.goto(new URL(link).pathname + new URL(link).search);
    await colleague.page.getByRole("heading", { level: 1, name: "周一早上收不到" }).waitFor();
    await colleague.look("checklist-saved", { known });
    colleague.calm();
    await colleague.leave();
  });

  for (const look of [looks[3], looks[6]]) {
    test(`in Bida the records answer (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("admin");
      await person.page.goto("/checklist?platform=bida&agent=agent-d&kind=group");
      await person.page.locator('[data-question="kind_allowed"] [data-value="no"][data-source="record"]').waitFor();
      await person.look("checklist-bida", { known });
      person.calm();
      await person.leave();
    });
  }
});
