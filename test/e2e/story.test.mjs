import { after, before, describe, test } from "node:test";
import { close, looks, once, Person } from "./browser.mjs";
import { Server } from "./server.mjs";
import { Agent, Visitor } from "./people.mjs";

describe("a customer and an agent", () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("reload, second tab, lost network and a server that dies: nothing is lost and nothing is there twice", async () => {
    // Whoever comes back and answers before they are connected again is told so once, and the answer goes out after the welcome.
    const agent = await Agent.at(server, { allow: [/^409 POST .*\/replies/] });
    const visitor = await Visitor.at(server);
    await visitor.write("蜂蜜什么时候发货？");
    await agent.take("蜂蜜什么时候发货？");
    await agent.answer("今天下午四点前发出。");
    await visitor.sees("今天下午四点前发出。");
    await agent.page.locator(".ws-message", { hasText: "今天下午四点前发出。" }).locator('.ws-state[data-state="delivered"]').waitFor();

    // A reload of each shows the same.
    await Promise.all([agent.page.reload(), visitor.page.reload()]);
    await visitor.open();
    await visitor.sees("今天下午四点前发出。");
    await agent.sees("蜂蜜什么时候发货？");

    // Second tabs of both follow.
    const second = await visitor.secondTab();
    await visitor.write("能开发票吗？");
    await visitor.sees("能开发票吗？", second);
    const beside = await agent.tab();
    await beside.goto(new URL(agent.page.url()).pathname);
    await agent.sees("能开发票吗？", beside);
    await agent.sees("能开发票吗？");
    await agent.answer("可以，稍后发到邮箱。");
    for (const page of [visitor.page, second]) await visitor.sees("可以，稍后发到邮箱。", page);
    await agent.sees("可以，稍后发到邮箱。", beside);

    // Without the network both are told so; what was written meanwhile goes out by itself.
    await visitor.context.setOffline(true);
    await agent.context.setOffline(true);
    await visitor.write("断网时写的");
    await visitor.page.getByText("尚未发出，恢复连接后自动发送").waitFor();
    await agent.page.locator('.ws-fares[data-state="offline"], .ws-fares[data-state="connecting"]').filter({ hasText: "已断开" }).waitFor();
    await agent.answer("断网时答的");
    await agent.page.locator(".ws-message[data-sending]", { hasText: "断网时答的" }).getByText(/等待发送/).waitFor();
    await agent.look("story-offline", { known: agent.known });
    await visitor.context.setOffline(false);
    await agent.context.setOffline(false);
    await agent.page.getByText(/^实时/).waitFor();
    await agent.sees("断网时写的");
    await visitor.sees("断网时答的");

    // The server dies, and comes back at the same address.
    await server.kill();
    await agent.page.locator(".ws-fares").filter({ hasText: "已断开" }).waitFor();
    await visitor.write("服务器停着时写的");
    await agent.answer("服务器停着时答的");
    await server.run();
    await agent.page.locator('.ws-fares[data-state="live"]').waitFor();
    await agent.sees("服务器停着时写的");
    await visitor.sees("服务器停着时答的");

    const said = ["蜂蜜什么时候发货？", "今天下午四点前发出。", "能开发票吗？", "可以，稍后发到邮箱。", "断网时写的", "断网时答的", "服务器停着时写的", "服务器停着时答的"];
    for (const text of said) {
      for (const page of [visitor.page, second]) {
        await visitor.sees(text, page);
        await once(`${text}: once for the visitor`, async () => (await visitor.count(text, page)) === 1);
      }
      for (const page of [agent.page, beside]) {
        await agent.sees(text, page);
        await once(`${text}: once for the agent`, async () => (await agent.count(text, page)) === 1);
      }
    }
    agent.calm();
    visitor.calm();
    await agent.leave();
    await visitor.leave();
  });

  for (const look of looks) {
    test(`asked, answered, resolved and rated, with a file (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const zh = look.language === "zh";
      const mark = `${look.language}-${look.scheme}-${look.size}`;
      const agent = await Agent.at(server, look);
      // On a phone people come by the chat link, at a desk by the shop's page.
      const visitor = await Visitor.at(server, { ...look, path: look.size === "phone" ? "/c/web" : "/demo/" });
      await visitor.look(`visitor-first`, { known: visitor.known });
      const asked = zh ? `这个还有货吗？（${mark}）` : `Is it in stock? (${mark})`;
      const answered = zh ? `有的，今天就能发。（${mark}）` : `Yes, and it leaves today. (${mark})`;
      await visitor.attach({ name: "photo.png", mimeType: "image/png", buffer: picture });
      await visitor.write(asked);
      await agent.take(asked);
      const image = agent.page.locator(".ws-picture img").last();
      await image.waitFor();
      await once("the picture is shown", () => image.evaluate((i) => i.complete && i.naturalWidth > 0));
      await agent.answer(answered);
      await visitor.sees(answered);
      await agent.look("workspace", { known: [...agent.known, asked, answered] });
      await visitor.look("visitor", { known: [...visitor.known, asked, answered] });
      await agent.page.getByRole("button", { name: zh ? "结束" : "Resolve", exact: true }).click();
      await visitor.page.getByRole("radio", { name: zh ? /^5 分/ : /^5 of 5/ }).check({ force: true }); // it can be undone for some seconds
      await visitor.look("visitor-rating", { known: [...visitor.known, asked, answered] });
      await visitor.page.getByRole("button", { name: zh ? "提交评价" : "Send rating" }).click();
      await visitor.page.getByText(zh ? /谢谢您的评价/ : /Thank you for your rating/).waitFor();
      agent.calm();
      visitor.calm();
      await agent.leave();
      await visitor.leave();
    });
  }

  test("sample customers of the shop write through the real API", async () => {
    const agent = await Agent.at(server);
    const shop = await Person.at(server, { allow: [/^401 GET \/api\/v1\/me/] });
    await shop.page.goto("/demo/");
    await shop.page.getByRole("button", { name: "来一位顾客" }).click();
    const customer = shop.page.locator("#people > li").first();
    const asked = await customer.locator("ol li").first().innerText();
    await agent.take(asked);
    await agent.answer("可以的，明天送达");
    await customer.getByText("可以的，明天送达").waitFor();
    shop.calm();
    agent.calm();
    await shop.leave();
    await agent.leave();
  });

  test("the workspace's list on a phone, and an empty one", async () => {
    const agent = await Agent.at(server, { size: "phone" });
    await agent.page.goto("/workspace");
    await agent.page.locator(".ws-fares[data-state=live]").waitFor();
    await agent.look("workspace-list", { known: agent.known });
    agent.calm();
    await agent.leave();
  });
});

// Two by two pixels.
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGNgaGBgAGIIBQAOiAIBsLVvCgAAAABJRU5ErkJggg==", "base64");
