import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, once, Person } from "./browser.mjs";
import { ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

const allow = [/^401 GET \/api\/v1\/me/];

describe("coverage", () => {
  let server, known;
  before(async () => {
    server = await Server.start();
    known = await ownWords(server);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`the week, a moment and the days ahead look right (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow });
      await person.signIn("admin");
      await person.page.goto("/coverage");
      await person.page.locator(".heat-hour[data-place='1-10']").click();
      await person.page.locator(".coverage-people").waitFor();
      await person.page.locator(".coverage-ahead").waitFor();
      await person.look("coverage", { known });
      person.calm();
      await person.leave();
    });
  }

  test("who cannot read the settings is told which permission is missing", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("agent-a");
    await person.page.goto("/coverage");
    await person.page.getByText(/policy\.view/).waitFor();
    await person.look("coverage-forbidden", { known });
    person.calm();
    await person.leave();
  });

  test("what takes the last agent away is a gap in the picture, is found by its list, and says whom to ask", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("admin");
    await person.page.goto("/coverage");
    await person.page.locator(".heat").waitFor();
    // Everybody is frozen: whatever is open has nobody.
    const accounts = await (await person.page.request.get("/api/v1/accounts")).json();
    for (const { name } of accounts.accounts.filter((a) => a.agent && a.state === "active")) {
      const done = await person.page.request.put(`/api/v1/accounts/${name}/state`, { data: { state: "frozen", reason: "盘点" }, headers: { origin: server.url } });
      assert.equal(done.status(), 200, await done.text());
    }
    await person.page.reload();
    await person.page.locator(".heat-hour[data-state='gap']").first().waitFor();
    assert.equal(await person.page.locator(".heat-hour[data-state='covered']:visible").count(), 1, "the legend's alone");

    await person.page.locator(".coverage-gaps button").first().click();
    const moment = person.page.locator(".coverage-moment");
    await moment.getByText("账号已冻结").first().waitFor();
    assert.match(await moment.innerText(), /可以接收（0）/);
    await moment.getByRole("link", { name: /^诊断 / }).first().click();
    await person.page.waitForURL(/\/diagnosis\?agent=/);
    person.calm();
    await person.leave();
  });

  test("the picture is worked with keys alone", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("admin");
    await person.page.goto("/coverage");
    const place = (at) => person.page.locator(`.heat-hour[data-place='${at}']`);
    await place("0-9").focus();
    for (const key of ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"]) await person.page.keyboard.press(key);
    await once("arrows move between the hours", () => place("2-9").evaluate((e) => e === document.activeElement));
    await person.page.keyboard.press("Enter");
    await person.page.locator(".coverage-moment").waitFor();
    const first = await person.page.locator(".heat tbody th").first().innerText();
    await person.page.keyboard.press("]");
    await person.page.waitForFunction((was) => document.querySelector(".heat tbody th")?.innerText !== was, first);
    await person.page.keyboard.press("[");
    await person.page.waitForFunction((was) => document.querySelector(".heat tbody th")?.innerText === was, first);
    person.calm();
    await person.leave();
  });
});
