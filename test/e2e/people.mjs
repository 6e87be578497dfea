// What agents and visitors do, as one line each.
import { Person } from "./browser.mjs";

/** Refused before anybody has signed in: the page asks who is there. */
export const beforeSignIn = /^401 GET \/api\/v1\/me/;

/** What is refused, or cut off, while the server is away. */
export const away = [/^failed /, /^50[023] /, /WebSocket connection/, /ERR_(CONNECTION|INTERNET)/];

const words = {
  zh: { status: /^我的状态/, available: "在线", live: /实时/, send: "发送", reply: "回复" },
  en: { status: /^My status/, available: "Available", live: /Live/, send: "Send", reply: "Reply" },
};

/** agentAt signs an agent in at the workspace and sets it available with the control of the page. */
export async function agentAt(server, account, options = {}) {
  const agent = await Person.at(server, { ...options, allow: [beforeSignIn, ...(options.allow ?? [])] });
  agent.says = words[agent.language];
  await agent.signIn(account);
  await agent.page.goto("/workspace");
  await agent.page.getByRole("button", { name: agent.says.status }).click();
  await agent.page.locator(".ant-popover").getByText(agent.says.available, { exact: true }).first().click();
  await agent.page.getByRole("button", { name: new RegExp(`${agent.says.status.source.slice(1)}: ${agent.says.available}`) }).waitFor();
  await agent.page.keyboard.press("Escape");
  return agent;
}

/** visitorAt opens the chat link as somebody who was never here. */
export async function visitorAt(server, options = {}) {
  const visitor = await Person.at(server, options);
  await visitor.page.goto("/c/web");
  await visitor.page.locator("textarea").first().waitFor();
  return visitor;
}

export async function write(page, text) {
  const box = page.locator("textarea").first();
  await box.fill(text);
  await box.press("Enter");
}

/** open takes the conversation whose last message is this one. */
export const openConversation = (agent, text) => agent.page.locator(".ws-list").getByText(text).first().click();

/** shown is how often a text stands in a thread of the agent, or in the visitor's log. */
export const inThread = (page, text) => page.locator(".ws-messages").getByText(text, { exact: true });
export const inChat = (page, text) => page.locator(".balloon").getByText(text, { exact: true });
