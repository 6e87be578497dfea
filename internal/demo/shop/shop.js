"use strict";
// The demo shop: the goods, and sample customers who write through the visitors' API like any other website would.
(() => {
  const inbox = "web";
  const api = `/api/v1/chat/${inbox}`;
  const readEvery = 2000;
  const readFor = 15 * 60 * 1000; // a tab that is left open does not ask for ever

  const stored = () => { try { return localStorage.getItem("shop-language"); } catch { return null; } };
  const asked = new URLSearchParams(location.search).get("lang") ?? stored() ?? navigator.language;
  let language = asked.toLowerCase().startsWith("zh") ? "zh" : "en";
  const words = () => window.shopWords[language];
  const find = (id) => document.getElementById(id);
  const people = []; // the sample customers of this page: {name, token, sent, answers, status}
  let next = 0;

  function element(name, text, className) {
    const e = document.createElement(name);
    if (text !== undefined) { e.textContent = text; e.dir = "auto"; }
    if (className) e.className = className;
    return e;
  }

  function showWords() {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const e of document.querySelectorAll("[data-text]")) e.textContent = words()[e.dataset.text];
    for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", words()[e.dataset.label]);
    document.title = words().brand;
    showGoods();
    showPeople();
  }

  function showGoods() {
    find("shelf").replaceChildren(...window.shopGoods.map((g) => {
      const [title, text, price] = g[language];
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 200 148");
      svg.setAttribute("aria-hidden", "true");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      for (const [k, v] of Object.entries({ d: g.picture, fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linejoin": "round", "stroke-linecap": "round" })) path.setAttribute(k, v);
      svg.append(path);
      const about = element("div");
      about.append(element("h3", title), element("p", text), element("strong", price));
      const item = element("li");
      item.append(svg, about);
      return item;
    }));
  }

  function showPeople() {
    find("nobody").hidden = people.length > 0;
    find("people").replaceChildren(...people.map((p) => {
      const head = element("header");
      head.append(element("b", p.name), element("span", words().states[p.status]));
      const lines = element("ol");
      for (const m of p.messages) lines.append(element("li", m.direction === "out" ? `${m.agent || words().agentSays}：${m.text}` : m.text, m.direction === "out" ? "agent" : ""));
      const item = element("li");
      item.append(head, lines);
      return item;
    }));
  }

  class Refused extends Error {
    constructor(status, retryAfter, detail) { super(detail); this.status = status; this.retryAfter = retryAfter; }
  }

  async function call(method, path, token, body) {
    const headers = { "Accept-Language": language };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const r = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
    if (r.ok) return r.status === 204 ? null : r.json();
    const problem = await r.json().catch(() => ({}));
    throw new Refused(r.status, Number(r.headers.get("Retry-After")) || 1, problem.detail || r.statusText);
  }

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const newID = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

  function trouble(error) {
    const e = find("trouble");
    e.hidden = !error;
    if (!error) return;
    if (error instanceof Refused) e.textContent = error.status === 429 ? words().limited.replace("{seconds}", error.retryAfter) : words().refused + error.message;
    else e.textContent = words().unreachable;
  }

  // write brings the next customer: a visitor of its own, who writes its lines one after the other.
  async function write() {
    const button = find("write");
    button.disabled = true;
    button.textContent = words().writing;
    trouble(null);
    try {
      const [name, ...lines] = window.shopCustomers[next % window.shopCustomers.length][language];
      const { token } = await call("POST", "/visitors", null, { name });
      next++;
      const person = { name, token, messages: [], status: "none", until: Date.now() + readFor };
      people.unshift(person);
      for (const [i, text] of lines.entries()) {
        if (i > 0) await pause(900); // people type
        await call("POST", "/messages", token, { id: newID(), text });
        await read(person);
      }
    } catch (error) {
      trouble(error);
    } finally {
      button.disabled = false;
      button.textContent = words().write;
    }
  }

  async function read(person) {
    const page = await call("GET", "/messages?limit=50", person.token);
    person.messages = page.messages.map((m) => ({ direction: m.direction, text: m.text, agent: m.agent?.alias }));
    person.status = page.conversation.status;
    if (page.cursor && person.seen !== page.cursor && page.messages.some((m) => m.direction === "out")) {
      await call("POST", "/seen", person.token, { cursor: page.cursor });
      person.seen = page.cursor;
    }
    showPeople();
  }

  async function readAll() {
    for (;;) {
      await pause(readEvery);
      if (document.hidden) continue;
      for (const p of people.filter((p) => p.until > Date.now())) {
        try { await read(p); } catch { break; } // the next round tries again
      }
    }
  }

  find("write").addEventListener("click", write);
  find("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    try { localStorage.setItem("shop-language", language); } catch { /* it is asked for again next time */ }
    showWords();
  });
  // The widget as any website embeds it, only later: it takes its language from the page.
  function embedWidget() {
    const script = element("script");
    script.src = "/widget.js";
    script.dataset.inbox = inbox;
    document.body.append(script);
  }

  showWords();
  embedWidget();
  readAll();
})();
