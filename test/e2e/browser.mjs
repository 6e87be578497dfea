// Browsers that watch what a person would be disturbed by: errors, refused requests, other hosts, words of the wrong language, barriers.
import { mkdir } from "node:fs/promises";
import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const out = new URL("./out/", import.meta.url).pathname;
await mkdir(out, { recursive: true });

export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
export const looks = ["light", "dark"].flatMap((scheme) => ["zh", "en"].flatMap((language) => Object.keys(sizes).map((size) => ({ scheme, language, size }))));

// patience is how long anything may take that a story waits for: only one that fails takes so long.
const patience = 60_000;

let launched; // a promise, so that two who open at the same time have one browser

export function open() {
  launched ??= chromium.launch({
    executablePath: process.env.BIDA_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return launched;
}

export async function close() {
  await (await launched)?.close();
  launched = undefined;
}

/** A person at a browser. `allow` names what is expected to go wrong, as patterns of "STATUS METHOD PATH" or of a console error. */
export class Person {
  static async at(server, { language = "zh", scheme = "light", size = "desktop", allow = [] } = {}) {
    const person = new this();
    Object.assign(person, { server, language, size, scheme, allow: [...allow], faults: [] });
    person.context = await (await open()).newContext({
      baseURL: server.url, viewport: sizes[size], colorScheme: scheme, locale: language === "zh" ? "zh-CN" : "en-GB", timezoneId: "Asia/Shanghai",
      reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"],
    });
    person.page = await person.tab();
    return person;
  }

  /** tab opens another tab of the same browser. */
  async tab() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(patience);
    const fault = (text) => {
      if (!this.allow.some((p) => p.test(text))) this.faults.push(text);
    };
    page.on("pageerror", (e) => fault(`error: ${e.message}`));
    page.on("console", (m) => {
      // The browser's own line about a refused request is the request's fault, which is told below with its address.
      if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) fault(`console: ${m.text()}`);
    });
    page.on("requestfailed", (r) => {
      const why = r.failure()?.errorText ?? "";
      if (why !== "net::ERR_ABORTED") fault(`failed ${r.method()} ${new URL(r.url()).pathname}: ${why}`); // what the page gave up itself is none
    });
    page.on("response", (r) => r.status() >= 400 && fault(`${r.status()} ${r.request().method()} ${new URL(r.url()).pathname}`));
    page.on("request", (r) => {
      const url = new URL(r.url());
      if (["http:", "https:", "ws:", "wss:"].includes(url.protocol) && url.host !== new URL(this.server.url).host) fault(`another host: ${r.url()}`);
    });
    return page;
  }

  async signIn(account, password = this.server.password) {
    const t = this.words;
    await this.page.goto("/sign-in");
    await this.page.getByLabel(t.account, { exact: true }).fill(account);
    await this.page.getByLabel(t.password, { exact: true }).fill(password);
    await this.page.getByRole("button", { name: t.signIn, exact: true }).click();
    await this.page.waitForURL((url) => url.pathname !== "/sign-in");
  }

  get words() {
    return this.language === "zh" ? { account: "账号", password: "密码", signIn: "登录" } : { account: "Account", password: "Password", signIn: "Sign in" };
  }

  /** look takes a picture, and checks what can be checked of what is seen; calm tells what was found. */
  async look(name, { page = this.page, known = [], barriers = true } = {}) {
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: `${out}${name}.${this.language}.${this.scheme}.${this.size}.png` });
    if (barriers) await this.barriers(name, page);
    await this.language_(name, page, known);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 1) this.faults.push(`${name}: the page is ${wide} pixels wider than the window`);
  }

  async barriers(name, page = this.page) {
    const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
    const told = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} — ${n.failureSummary?.split("\n")[1]?.trim() ?? v.help}`));
    this.faults.push(...told.map((t) => `${name}: barrier: ${t}`));
  }

  /** language_ looks for words that were not translated. What people wrote themselves (titles of the company, messages) is taken out first. */
  async language_(name, page, known) {
    const texts = await page.evaluate(() => {
      const found = [];
      const walk = (root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
        for (let n = walker.nextNode(); n; n = walker.nextNode()) {
          if (n instanceof Element) {
            if (n.shadowRoot) walk(n.shadowRoot);
            for (const a of ["aria-label", "title", "placeholder"]) if (n.hasAttribute(a) && !n.closest("bdi,code,[dir=auto],script,style")) found.push(n.getAttribute(a));
          } else if (n.parentElement && !n.parentElement.closest("bdi,code,[dir=auto],script,style,noscript")) found.push(n.textContent);
        }
      };
      walk(document.body);
      return found.map((t) => t.trim()).filter((t) => t !== "");
    });
    const foreign = this.language === "en" ? /[\u4e00-\u9fff]/ : /[A-Za-z]{3,} [A-Za-z]{2,} [A-Za-z]{2,}/;
    const left = texts.map((text) => known.concat(common).reduce((t, k) => t.replaceAll(k, ""), text)).filter((t) => foreign.test(t) || /undefined|\[object|NaN/.test(t));
    this.faults.push(...left.map((t) => `${name}: of the wrong language: ${t}`));
  }

  /** calm says that nothing went wrong that a person, or the log of the browser, would have noticed. */
  calm() {
    assert.deepEqual(this.faults, [], "faults in the browser");
  }

  async leave() {
    await this.context.close();
  }
}

/** once waits until something is true that no selector can name. */
export async function once(what, holds) {
  for (const until = Date.now() + patience; !(await holds()); ) {
    if (Date.now() > until) throw new Error(`still not so: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// Said in both languages on purpose.
const common = ["Bida 必达", "必达", "中文", "English"];
