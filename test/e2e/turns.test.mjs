import { after, before, describe, test } from "node:test";
import { close } from "./browser.mjs";
import { Server } from "./server.mjs";
import { Agent, Visitor } from "./people.mjs";

const words = {
  zh: {
    asked: "请问可以开发票吗？", answered: "可以，稍后发到邮箱。", prompt: "请问您还在吗？如无其他问题，会话将在 5 秒后自动结束。", automatic: "自动回复",
    ended: "本次会话已结束", line: "会话因访客 15 秒未回复自动结束",
  },
  en: {
    asked: "Can I have an invoice?", answered: "Yes, you get it by mail.", prompt: "Are you still there? If there is nothing else, this conversation will end in 5 seconds.",
    automatic: "Automatic reply", ended: "This conversation has ended", line: "The conversation ended by itself: the customer had not written for 15 seconds",
  },
};

// Nearly all of it is waiting, so both wait at the same time.
describe("a customer who is silent", { concurrency: true }, () => {
  let server;
  before(async () => {
    server = await Server.start();
    const admin = await server.as("admin");
    const { spec, revision } = await admin("GET", "/policy/documents/inbox/web");
    const routing = { ...spec.routing, idle_prompt: "10s", idle_close: "15s" };
    await admin("PUT", "/policy/documents/inbox/web", { spec: { ...spec, routing } }, { "If-Match": `"${revision}"` });
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of [{ language: "zh", size: "desktop" }, { language: "en", size: "phone", scheme: "dark" }]) {
    test(`is asked, told that it is over, and the agent reads why (${look.language})`, async () => {
      const t = words[look.language];
      const agent = await Agent.at(server, look);
      const visitor = await Visitor.at(server, { ...look, path: look.size === "phone" ? "/c/web" : "/demo/" });
      await visitor.write(t.asked);
      await agent.take(t.asked);
      await agent.answer(t.answered);
      await visitor.sees(t.answered);
      await visitor.sees(t.prompt);
      await visitor.page.getByText(t.automatic, { exact: true }).first().waitFor();
      await agent.sees(t.prompt);
      await agent.page.locator(".ws-message", { hasText: t.prompt }).getByText(t.automatic).waitFor();
      await visitor.page.getByText(t.ended).waitFor();
      await agent.page.locator(".ws-remark", { hasText: t.line }).waitFor();
      const known = Object.values(words).flatMap((w) => Object.values(w)); // the other customer's conversation is in the list, too
      await agent.look("silence", { known: [...agent.known, ...known] });
      await visitor.look("silence-visitor", { known: [...visitor.known, ...known] });
      agent.calm();
      visitor.calm();
      await agent.leave();
      await visitor.leave();
    });
  }
});
