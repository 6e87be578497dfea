import { after, before, describe, test } from "node:test";
import { close, looks, once, Person } from "./browser.mjs";
import { ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

describe("requests for help", () => {
  let server, admin, known;
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    known = (await ownWords(server)).concat("麻烦看一下 please have a look");
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("an agent asks, who may repairs with one click, and the agent sees that messages arrived", async () => {
    const agent = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await agent.signIn("agent-d");
    await agent.page.goto("/diagnosis?agent=agent-d&inbox=store&kind=group");
    await agent.page.getByRole("button", { name: "请主管处理" }).click();
    await agent.page.getByRole("dialog").getByRole("textbox").fill("麻烦看一下 please have a look");
    await agent.page.getByRole("button", { name: "发送" }).click();
    await agent.page.locator(".help-head blockquote", { hasText: "麻烦看一下" }).waitFor();
    const id = new URL(agent.page.url()).searchParams.get("request");

    const boss = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await boss.signIn("admin");
    await boss.page.goto("/diagnosis?view=help");
    await boss.page.locator(`a.help-row[href*="${id}"]`).click();
    await boss.page.getByRole("button", { name: "我来处理" }).click();
    await boss.page.getByRole("button", { name: "我来处理" }).waitFor({ state: "detached" });
    await boss.page.locator(".finding").first().getByRole("button", { name: "一键修复" }).click();
    await boss.page.getByRole("button", { name: "应用", exact: true }).click();
    await boss.page.locator(".repaired-state").waitFor();

    await agent.page.getByText("已恢复", { exact: true }).waitFor();
    // A group message comes in, and the agent's own workspace acknowledges it.
    await admin("PUT", "/accounts/agent-d/presence", { value: "available" });
    let n = 0;
    await once("a group message reached the agent", async () => {
      n++;
      await admin("POST", "/inboxes/store/messages", { id: `help-${n}`, contact: { id: `help-${n}` }, kind: "group", text: "在吗" });
      return (await admin("GET", `/help-requests/${id}`)).repairs[0].check.state === "arrived";
    });
    await agent.page.reload();
    await agent.page.locator(".repaired", { hasText: /已收到 \d+ 条消息/ }).waitFor();
    await agent.look("help-arrived", { known });
    await boss.page.getByRole("button", { name: "已处理" }).click();
    await boss.page.locator(".ant-popconfirm").getByRole("button", { name: "已处理" }).click();
    await agent.page.locator(".help-row-state", { hasText: "已处理" }).waitFor();
    for (const person of [agent, boss]) {
      person.calm();
      await person.leave();
    }
  });

  // Two looks are enough: what differs is language and width, and the colours come from the theme.
  for (const look of looks.filter((l) => (l.language === "zh") === (l.size === "phone") && (l.scheme === "dark") === (l.language === "en"))) {
    test(`the list and a request (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow: [/^401 GET \/api\/v1\/me/] });
      await person.signIn("supervisor-b");
      await person.page.goto("/diagnosis?view=help&state=all");
      await person.page.locator(".help-row").first().waitFor();
      await person.look("help-list", { known });
      await person.page.locator(".help-row").first().click();
      await person.page.locator(".finding").first().waitFor();
      await person.look("help-request", { known });
      person.calm();
      await person.leave();
    });
  }
});
