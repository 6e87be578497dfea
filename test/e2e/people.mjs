// The two sides of a conversation: an agent in the workspace and a visitor at the widget.
import { once, Person } from "./browser.mjs";

// Nobody is signed in at first, and while the server is away or the network is down requests fail: both are part of the stories.
const expected = [/^401 GET \/api\/v1\/me/, /ERR_INTERNET_DISCONNECTED/, /ERR_CONNECTION_(REFUSED|RESET|CLOSED)/, /ERR_EMPTY_RESPONSE/, /ERR_NETWORK_CHANGED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/];

/** customs of the company: what people call things is their business, in whatever language. */
export async function ownWords(server) {
  const { documents } = await (await server.as("admin"))("GET", "/policy");
  // The first letter of an agent's outward name stands for a picture.
  const initials = documents.flatMap((d) => (d.spec.alias ? [d.spec.alias[0]] : []));
  return documents.flatMap((d) => [d.spec.title, d.spec.alias, d.spec.position, d.spec.state_reason]).concat(initials).filter(Boolean).concat("管理员").sort((a, b) => b.length - a.length);
}

/** Side is one of the two: each has its own place where what was said stands. */
class Side extends Person {
  async sees(text, page = this.page) {
    await this.said(text, page).first().waitFor();
  }

  async count(text, page = this.page) {
    return this.said(text, page).count();
  }
}

export class Agent extends Side {
  static async at(server, { account = "agent-a", allow = [], before, ...look } = {}) {
    const agent = await super.at(server, { ...look, allow: [...expected, ...allow] });
    agent.known = await ownWords(server);
    await before?.(agent);
    await agent.signIn(account);
    await agent.page.goto("/workspace");
    await agent.available();
    return agent;
  }

  get zh() {
    return this.language === "zh";
  }

  /** available uses the control that stands in the top bar. */
  async available() {
    const control = this.page.locator(".rb-presence");
    await control.waitFor();
    if (await control.locator('[data-presence="available"]').count() > 0) return;
    await control.click();
    await this.page.locator(".rb-menu .rb-choice").first().click();
    await control.locator('[data-presence="available"]').waitFor();
  }

  /** take opens the conversation in which a customer has written something, as soon as the list shows it. */
  async take(text) {
    await this.page.locator(".ws-row", { hasText: text }).first().click();
    await this.sees(text);
  }

  async answer(text) {
    await this.page.getByLabel(this.zh ? "回复" : "Reply", { exact: true }).and(this.page.locator("textarea")).fill(text);
    await this.page.locator(".ws-send").click();
  }

  said(text, page = this.page) {
    return page.locator(".ws-message .ws-text", { hasText: text });
  }
}

export class Visitor extends Side {
  static async at(server, { path = "/demo/", allow = [], ...look } = {}) {
    const visitor = await super.at(server, { ...look, allow: [...expected, ...allow] });
    visitor.path = path;
    visitor.known = [...await ownWords(server), ...demoShop];
    await visitor.page.goto(path);
    await visitor.open();
    return visitor;
  }

  /** open clicks the bubble; the page behind the chat link has the conversation open from the start. */
  async open(page = this.page) {
    const field = page.locator(".panel textarea").first();
    if (this.path === "/demo/") {
      await page.locator("button.bubble").waitFor();
      if (!(await field.isVisible())) await page.locator("button.bubble").click();
    }
    await field.waitFor();
  }

  async secondTab() {
    const page = await this.tab();
    await page.goto(this.path);
    await this.open(page);
    return page;
  }

  async write(text) {
    await this.page.locator(".panel form textarea").fill(text);
    await this.page.locator(".panel form button.go").click();
    await this.sees(text);
  }

  async attach(...files) {
    await this.page.locator('.panel form input[type="file"]').setInputFiles(files);
    await once("the file is added or refused", async () => (await this.page.locator(".chip, .hint:not([hidden])").count()) > 0);
  }

  said(text, page = this.page) {
    return page.locator(".panel .log .balloon", { hasText: text });
  }
}

// The example shop carries its name in both languages.
const demoShop = ["青禾商城 Qinghe Mall", "青禾商城", "Qinghe Mall"];
