import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Api } from "../src/api";
import { Blobs } from "../src/blobs";
import { Chat } from "../src/chat";
import { Keep } from "../src/keep";
import type { Options } from "../src/options";
import { read } from "../src/options";
import { Widget } from "../src/view/widget";
import { words } from "../src/words";
import { begin, end, pass, server, until, watch } from "./bench";
import type { FakeServer } from "./fake";

let fake: FakeServer;
beforeEach(() => {
  fake = begin();
});
afterEach(end);

type Field = HTMLTextAreaElement & HTMLInputElement & HTMLButtonElement & HTMLAnchorElement;

interface Shown {
  widget: Widget;
  chat: Chat;
  get: (selector: string) => HTMLElement;
  pick: (selector: string) => Field;
  all: (selector: string) => string[];
}

function show(more: Partial<Options> = {}): Shown {
  const options: Options = { server, inbox: "web", lang: "zh", color: "", title: "", theme: "", name: "", page: false, nonce: "", ...more };
  const w = words(options.lang, "", []);
  const prefix = `bida:${server}:web:`;
  const keep = new Keep(prefix);
  const chat = watch(new Chat(new Api(server, "web", w.lang), keep, new Blobs(prefix), w, ""));
  const widget = new Widget(chat, keep, w, options);
  widget.mount(document.body);
  chat.start();
  const root = widget.host.shadowRoot as ShadowRoot;
  const get = (selector: string): HTMLElement => {
    const found = root.querySelector<HTMLElement>(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  };
  return {
    widget,
    chat,
    get,
    pick: (selector) => get(selector) as Field,
    all: (selector) => [...root.querySelectorAll(selector)].map((n) => n.textContent),
  };
}

function type(field: HTMLTextAreaElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

function press(node: HTMLElement, init: KeyboardEventInit, code = 0): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  if (code) Object.defineProperty(event, "keyCode", { value: code });
  node.dispatchEvent(event);
  return event;
}

describe("the bubble", () => {
  test("opens the panel at once, without waiting for the server", () => {
    fake.up = false;
    const { get } = show();
    get(".bubble").click();
    expect(get(".panel").hidden).toBe(false);
    expect(get("h2").textContent).toBe("在线客服");
    expect(get(".bubble").getAttribute("aria-expanded")).toBe("true");
  });

  test("asks the server nothing before somebody comes near", async () => {
    show();
    await pass(5_000);
    expect(fake.requests).toEqual([]);
  });

  test("gives the focus to the field, and gets it back at Esc", () => {
    const { get, widget } = show();
    get(".bubble").click();
    const root = widget.host.shadowRoot as ShadowRoot;
    expect(root.activeElement).toBe(get(".line textarea"));
    press(get(".line textarea"), { key: "Escape" });
    expect(get(".panel").hidden).toBe(true);
    expect(root.activeElement).toBe(get(".bubble"));
  });

  test("counts what is unread, in its name too", async () => {
    const { get, chat } = show();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.reply("一");
    fake.reply("二");
    await until(() => chat.unread === 2);
    await pass(10);
    expect(get(".badge").textContent).toBe("2");
    expect(get(".bubble").getAttribute("aria-label")).toBe("打开在线客服，2 条未读消息");
    get(".bubble").click();
    await pass(10);
    expect(get(".badge").hidden).toBe(true);
  });
});

describe("an open panel", () => {
  test("is open again on the next page, and closed stays closed", () => {
    show().widget.open();
    document.body.replaceChildren();
    const next = show();
    expect(next.get(".panel").hidden).toBe(false);
    next.widget.close();
    document.body.replaceChildren();
    expect(show().all(".panel")).toEqual([]);
  });

  test("of the chat link does not open the bubble of a page on the same site", () => {
    show({ page: true });
    document.body.replaceChildren();
    expect(show().all(".panel")).toEqual([]);
  });
});

describe("writing", () => {
  async function written(): Promise<Shown & { area: HTMLTextAreaElement }> {
    const shown = show();
    shown.widget.open();
    await until(() => shown.chat.info !== undefined);
    return { ...shown, area: shown.pick(".line textarea") };
  }

  test("Enter sends, Shift and Enter begin a new line", async () => {
    const { area, chat } = await written();
    type(area, "你好");
    expect(press(area, { key: "Enter", shiftKey: true }).defaultPrevented).toBe(false);
    expect(chat.entries.length).toBe(0);
    expect(press(area, { key: "Enter" }).defaultPrevented).toBe(true);
    expect(chat.entries.map((e) => e.text)).toEqual(["你好"]);
    expect(area.value).toBe("");
  });

  test("Enter that chooses a word of an input method sends nothing", async () => {
    const { area, chat } = await written();
    type(area, "nihao");
    press(area, { key: "Enter", isComposing: true });
    area.dispatchEvent(new Event("compositionstart"));
    press(area, { key: "Enter" });
    area.dispatchEvent(new Event("compositionend"));
    press(area, { key: "Enter" }, 229); // Safari: the composition is over before the key is told
    expect(chat.entries).toEqual([]);
    press(area, { key: "Enter" }, 13);
    expect(chat.entries.length).toBe(1);
  });

  test("blanks are no message", async () => {
    const { area, chat, pick } = await written();
    type(area, " \n ");
    press(area, { key: "Enter" });
    expect(chat.entries).toEqual([]);
    expect(pick(".go").disabled).toBe(true);
  });

  test("a text over the limit is not sent, and it is said by how much", async () => {
    const { area, chat, get } = await written();
    type(area, "长".repeat(70)); // 210 of 200 bytes
    press(area, { key: "Enter" });
    expect(chat.entries).toEqual([]);
    expect(get(".hint").textContent).toBe("太长了，请删去约 4 个字");
    type(area, "短");
    expect(get(".hint").hidden).toBe(true);
  });

  test("a draft survives a reload", async () => {
    const { area } = await written();
    type(area, "写到一半");
    document.body.replaceChildren();
    const again = show();
    again.widget.open();
    expect(again.pick(".line textarea").value).toBe("写到一半");
  });

  test("files over a limit and empty files are refused by name, the others are taken", async () => {
    const { area, pick, all } = await written();
    const picker = pick("input[type=file]");
    const files = [new File(["abc"], "好.txt"), new File([], "空.txt"), new File(["x".repeat(2000)], "大.bin")];
    Object.defineProperty(picker, "files", { value: files, configurable: true });
    picker.dispatchEvent(new Event("change"));
    await until(() => all(".chip").length === 1);
    expect(all(".hint p")).toEqual(["“空.txt”是空文件，无法发送", "“大.bin”超过 1000 B，无法发送"]);
    await until(() => fake.asked(/POST \/attachments/) === 1);
    type(area, "看附件");
    expect(all(".hint p").length).toBe(2); // writing on does not wipe out what was said
  });
});

describe("the thread", () => {
  test("shows what is written as text, whatever it is", async () => {
    const { widget, chat, get, all } = show();
    widget.open();
    chat.send("<img src=x onerror=alert(1)>", []);
    await until(() => chat.link === "live");
    fake.reply("<b>答</b> javascript:alert(1)", "<i>甲</i>");
    await until(() => chat.messages.length === 2);
    await pass(10);
    expect(all(".balloon")).toEqual(["<img src=x onerror=alert(1)>", "<b>答</b> javascript:alert(1)"]);
    expect(get(".log").querySelector("img, b, i, a")).toBeNull();
    expect(get(".sub").textContent).toContain("<i>甲</i> 正在为您服务");
  });

  test("opens links in a place of their own that knows nothing of this page", async () => {
    const { widget, chat, pick } = show();
    widget.open();
    chat.send("https://a.example/x", []);
    await pass(10);
    const link = pick(".balloon a");
    expect([link.href, link.target, link.rel]).toEqual(["https://a.example/x", "_blank", "noopener noreferrer nofollow"]);
  });

  test("keeps an element as long as nothing about it changes", async () => {
    const { widget, chat, get } = show();
    widget.open();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.reply("一");
    await until(() => chat.messages.length === 2);
    await pass(10);
    const before = get(".theirs");
    fake.set({ status: "served" });
    await pass(100);
    expect(get(".theirs")).toBe(before);
  });

  test("tells a screen reader of new answers, not of history", async () => {
    const { widget, chat, get } = show();
    widget.open();
    chat.send("问", []);
    await until(() => chat.link === "live");
    expect(get(".holder [role=status]").textContent).toBe("");
    fake.reply("答");
    await until(() => chat.messages.length === 2);
    await pass(10);
    expect(get(".holder [role=status]").textContent).toBe("小甲：答");
  });

  test("says in the server's words that nobody can receive now", async () => {
    fake.info = { ...fake.info, can_receive: "later", notice: "现在没有客服在线，您可以留言，我们 14:00 回来。" };
    const { widget, chat, all } = show();
    widget.open();
    await until(() => chat.info !== undefined);
    await pass(10);
    expect(all(".aside")).toEqual(["现在没有客服在线，您可以留言，我们 14:00 回来。"]);
    chat.send("好的", []);
    await until(() => chat.link === "live");
    await pass(10);
    expect(all(".aside")).toEqual(["现在没有客服在线，您可以留言，我们 14:00 回来。"]);
  });

  test("says that nothing lasts where storage is blocked", () => {
    vi.stubGlobal("localStorage", {
      setItem() {
        throw new DOMException("blocked", "SecurityError");
      },
    });
    const { widget, all } = show();
    widget.open();
    expect(all(".aside").join()).toContain("关闭或刷新本页后，这里的对话将无法找回");
  });

  test("a message that was refused says why and offers to try again or to delete", async () => {
    fake.refusals = [{ match: /POST \/messages/, status: 422, code: "x", detail: "不行", times: 1 }];
    const { widget, chat, all, get } = show();
    widget.open();
    chat.send("坏", []);
    await until(() => all(".acts .link").length === 2);
    expect(all(".trouble span")).toEqual(["未能发送：不行"]);
    get(".acts .link").click();
    await until(() => fake.received.length === 1);
  });

  test("asks for a rating at the end, and lets it be changed", async () => {
    const { widget, chat, get, pick, all } = show();
    widget.open();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.set({ status: "resolved", canRate: true });
    await until(() => all(".rating").length === 1);
    const four = pick(".stars label:nth-child(4) input");
    expect(four.getAttribute("aria-label")).toBe("4 分，满意");
    four.checked = true;
    four.dispatchEvent(new Event("change"));
    pick(".rating textarea").value = "很快";
    get(".primary").click();
    await until(() => all(".rating").length === 0);
    expect(fake.talks.get(fake.only)).toMatchObject({ rated: 4, comment: "很快" });
    expect(all(".quiet")).toContain("谢谢您的评价：满意修改评价");
    get(".quiet .link").click();
    expect(all(".rating").length).toBe(1);
  });
});

describe("the line", () => {
  test("says that it is down and when the next attempt is, and nothing when it is up", async () => {
    const { widget, chat, get } = show();
    widget.open();
    chat.send("问", []);
    await until(() => chat.link === "live");
    await pass(10);
    expect(get(".strip").hidden).toBe(true);
    fake.up = false;
    fake.cut();
    await until(() => !get(".strip").hidden);
    expect(get(".strip").textContent).toMatch(/^已断开/);
    await until(() => get(".strip").textContent.includes("秒后重连"));
    fake.up = true;
    get(".strip .link").click();
    await until(() => get(".strip").matches("[hidden]"));
  });
});

describe("the script tag", () => {
  test("needs an inbox, and takes its server from where it came", () => {
    const script = document.createElement("script");
    script.src = "https://help.example:8443/widget.js";
    expect(read(script)).toBeUndefined();
    Object.assign(script.dataset, { inbox: "web", lang: "en", theme: "blue", mode: "page", color: "#123456" });
    expect(read(script)).toMatchObject({ server: "https://help.example:8443", inbox: "web", lang: "en", theme: "", page: true, color: "#123456" });
  });
});
