// What an agent's browser tells of itself, as a diagnosis shows it: notifications that are denied, and a list that does not show what arrived.
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, once, Person } from "./browser.mjs";
import { Agent, ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

describe("what clients report", () => {
  let server, supervisor;
  before(async () => {
    server = await Server.start();
    supervisor = await server.as("supervisor-b");
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("denied notifications and a list that hides a message are seen in the diagnosis, and receiving it is", async () => {
    const agent = await Agent.at(server); // the browser of the tests allows no notifications
    const report = () => supervisor("GET", "/diagnosis?agent=agent-a");
    const own = (r) => r.clients.find((c) => c.client.startsWith("bida-console"))?.report;
    await agent.page.keyboard.press("2"); // the list of what waits
    await once("the list in view is reported", async () => own(await report())?.filter?.tab === "waiting");
    const told = own(await report());
    assert.equal(told.notifications, "denied");
    assert.equal(told.secure, true);
    assert.match(told.browser, /^Chrom(e|ium) \d+$/);
    assert.equal(told.mode, "tab");
    assert.equal(told.storage, "ok");
    await once("the clocks are compared", async () => Math.abs(own(await report()).clock_offset_ms ?? Infinity) < 5_000);

    const admin = await server.as("admin");
    await admin("POST", "/inboxes/web/messages", { id: "seen-or-not", contact: { id: "clients-customer", name: "访客丁" }, text: "在吗？我想问一下订单" });
    await once("the message arrived and is not seen", async () => (await report()).findings.some((f) => f.code === "view.filtered"));
    const found = await report();
    assert.equal(found.verdict, "receiving");
    assert.equal(found.findings.find((f) => f.primary).code, "view.filtered");
    const warning = found.findings.find((f) => f.code === "client.notify.denied");
    assert.deepEqual([warning.outcome, warning.fix.actions[0].action, warning.fix.verified], ["pass", "allow_notifications", true]);
    assert.ok(!JSON.stringify(found).includes("订单"), "the text of a message is in the report");

    for (const look of [{ language: "zh", scheme: "light", size: "desktop" }, { language: "en", scheme: "dark", size: "phone" }]) {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto("/diagnosis?agent=agent-a");
      const client = person.page.locator(".clients li", { hasText: "bida-console" });
      await client.waitFor();
      assert.match(await client.innerText(), look.language === "zh" ? /通知被禁止[\s\S]*列表只显示：等待中/ : /notifications denied[\s\S]*the list shows only: waiting/);
      // How close to each other the marks of the timeline below lie depends on how fast the machine is; diagnosis.test.mjs looks for barriers on this page.
      await person.look("diagnosis-clients", { known: await ownWords(server), barriers: false });
      person.calm();
      await person.leave();
    }

    await agent.page.keyboard.press("1");
    await agent.take("我想问一下订单");
    await once("it is seen", async () => !(await report()).findings.some((f) => f.code === "view.filtered"));
    agent.calm();
    await agent.leave();
  });
});
