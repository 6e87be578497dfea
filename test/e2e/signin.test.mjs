import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { Server } from "./server.mjs";

describe("signing in", () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const [i, look] of looks.entries()) {
    test(`the page looks right and says no more than it should (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 POST \/api\/v1\/sign-in/, /^401 GET \/api\/v1\/me/] });
      await person.page.goto("/");
      await person.page.waitForURL("**/sign-in**");
      await person.look("sign-in");
      const answers = [];
      for (const account of [`agent-${"abcdefgh"[i]}`, `nobody-${look.language}${look.scheme}${look.size}`]) {
        await person.page.getByLabel(person.words.account, { exact: true }).fill(account);
        await person.page.getByLabel(person.words.password, { exact: true }).fill("not the password");
        await person.page.getByRole("button", { name: person.words.signIn, exact: true }).click();
        answers.push(await person.page.getByRole("alert").first().innerText());
        await person.page.reload();
      }
      assert.equal(answers[0], answers[1], "an unknown name is answered like a wrong password");
      await person.signIn("supervisor-b");
      person.calm();
      await person.leave();
    });
  }

  test("a frozen account is told why, with the right password only", async () => {
    const person = await Person.at(server, { allow: [/^40[13] POST \/api\/v1\/sign-in/, /^401 GET \/api\/v1\/me/] });
    await person.page.goto("/sign-in");
    await person.page.getByLabel("账号", { exact: true }).fill("agent-f");
    await person.page.getByLabel("密码", { exact: true }).fill(server.password);
    await person.page.getByRole("button", { name: "登录", exact: true }).click();
    assert.match(await person.page.getByRole("alert").first().innerText(), /冻结/);
    person.calm();
    await person.leave();
  });

  test("who came from a page comes back to it, and to no other host", async () => {
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\//] });
    await person.page.goto("/diagnosis?agent=agent-d");
    await person.page.waitForURL("**/sign-in?to=**");
    await person.page.getByLabel("账号", { exact: true }).fill("supervisor-b");
    await person.page.getByLabel("密码", { exact: true }).fill(server.password);
    await person.page.getByRole("button", { name: "登录", exact: true }).click();
    await person.page.waitForURL("**/diagnosis?agent=agent-d");
    await person.page.goto("/sign-in?to=https%3A%2F%2Fexample.org");
    await person.page.getByLabel("账号", { exact: true }).fill("supervisor-b");
    await person.page.getByLabel("密码", { exact: true }).fill(server.password);
    await person.page.getByRole("button", { name: "登录", exact: true }).click();
    await person.page.waitForURL((url) => url.pathname !== "/sign-in");
    assert.equal(new URL(person.page.url()).host, new URL(server.url).host);
    person.calm();
    await person.leave();
  });

  test("my sessions are listed, another one is ended, and the password is changed", async () => {
    const other = await Person.at(server, { allow: [/^401 /] });
    await other.signIn("agent-k");
    const person = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await person.signIn("agent-k");
    await person.page.goto("/me");
    await person.page.getByText("当前", { exact: true }).waitFor();
    await person.look("me", { known: ["Chrome", "Linux"] });
    await person.page.getByRole("button", { name: "结束", exact: true }).first().click();
    await person.page.getByRole("tooltip").or(person.page.locator(".ant-popover")).getByRole("button", { name: "结束", exact: true }).click();
    await person.page.getByText("已结束", { exact: true }).waitFor();
    await other.page.waitForURL("**/sign-in**");
    person.calm();
    for (const p of [person, other]) await p.leave();
  });
});
