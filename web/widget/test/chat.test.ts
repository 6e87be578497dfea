import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Part } from "../src/outbox";
import { begin, end, leave, pass, texts, until, visit } from "./bench";
import type { FakeServer } from "./fake";

let fake: FakeServer;
beforeEach(() => {
  fake = begin();
});
afterEach(end);

function part(key: string, name = "a.txt"): Part {
  return { key, name, type: "text/plain", size: 3, upload: "", refused: "" };
}

describe("sending", () => {
  test("a message is there at once, and becomes sent when the server has it", async () => {
    const { chat } = visit();
    chat.send("你好", []);
    expect(chat.entries.map((e) => [e.text, chat.going(e)])).toEqual([["你好", "sending"]]);
    await until(() => chat.messages.some((m) => m.cursor !== ""));
    expect(texts(chat)).toEqual(["你好"]);
    expect(chat.entries).toEqual([]);
    expect(fake.received).toEqual(["你好"]);
    expect(chat.conversation.status).toBe("waiting");
  });

  test("nobody becomes a visitor by looking", async () => {
    const { chat } = visit();
    await pass(60_000);
    expect(fake.requests).toEqual(["GET "]);
    expect(chat.loaded).toBe(true);
  });

  test("an answer that was lost is asked for again under the same id, and the message arrives once", async () => {
    fake.loseAnswers = 2;
    const { chat } = visit(false);
    chat.send("在吗", []);
    await until(() => chat.entries.length === 0);
    expect(fake.asked(/POST \/messages/)).toBe(3);
    await pass(10_000);
    expect(fake.received).toEqual(["在吗"]);
    expect(texts(chat)).toEqual(["在吗"]);
  });

  test("without network messages wait in their order and go out when it is back", async () => {
    const { chat } = visit();
    fake.up = false;
    chat.send("一", []);
    chat.send("二", []);
    await until(() => chat.entries.every((e) => chat.going(e) === "queued"));
    await pass(60_000);
    fake.up = true;
    chat.online(true);
    await until(() => chat.entries.length === 0);
    expect(fake.received).toEqual(["一", "二"]);
  });

  test("what was written without network survives a reload and is sent once", async () => {
    fake.up = false;
    const before = visit();
    before.chat.send("还在吗", []);
    await pass(5_000);
    leave(before);
    const after = visit();
    expect(texts(after.chat)).toEqual(["(还在吗)"]);
    fake.up = true;
    await until(() => after.chat.entries.length === 0);
    await pass(60_000);
    expect(fake.received).toEqual(["还在吗"]);
  });

  test("a refusal says why, does not hold up what follows, and can be tried again under the same id", async () => {
    fake.refusals = [{ match: /POST \/messages/, status: 422, code: "filter.rejected", detail: "含有不允许的内容", times: 1 }];
    const { chat } = visit();
    chat.send("坏", []);
    chat.send("好", []);
    await until(() => fake.received.length === 1);
    expect(fake.received).toEqual(["好"]);
    const [bad] = chat.entries;
    expect(bad && [bad.refused, chat.going(bad)]).toEqual(["含有不允许的内容", "refused"]);
    await chat.retry(bad?.id ?? "");
    await until(() => chat.entries.length === 0);
    expect(fake.received).toEqual(["好", "坏"]);
    expect(fake.messages.map((m) => m.id)).toContain(bad?.id);
  });

  test("a refused message can be given up", async () => {
    fake.refusals = [{ match: /POST \/messages/, status: 422, code: "filter.rejected", detail: "不", times: 1 }];
    const { chat } = visit();
    chat.send("坏", []);
    await until(() => chat.entries.some((e) => e.refused !== ""));
    chat.drop(chat.entries[0]?.id ?? "");
    await pass(60_000);
    expect(chat.entries).toEqual([]);
    expect(fake.received).toEqual([]);
  });

  test("a server that asks for patience gets it", async () => {
    fake.refusals = [{ match: /POST \/messages/, status: 429, code: "limited", detail: "太快了", times: 1, retryAfter: 20 }];
    const { chat } = visit();
    chat.send("快", []);
    await until(() => fake.asked(/POST \/messages/) === 1);
    await pass(19_000);
    expect(fake.asked(/POST \/messages/)).toBe(1);
    await until(() => chat.entries.length === 0);
    expect(fake.received).toEqual(["快"]);
  });

  test("a visitor whom the server no longer knows begins anew, says so, and loses no word", async () => {
    const { chat } = visit();
    chat.send("从前", []);
    await until(() => chat.messages.length === 1);
    fake.forget();
    chat.send("现在", []);
    await until(() => fake.received.includes("现在"));
    expect(chat.forgotten).toBe(true);
    await until(() => texts(chat).join() === "现在");
  });
});

describe("files", () => {
  test("a file goes ahead of its message, which names it", async () => {
    const { chat } = visit();
    const sent = await chat.attach(part("k1"), new Blob(["abc"], { type: "text/plain" }));
    expect(sent.upload).not.toBe("");
    chat.send("附件", [sent]);
    await until(() => fake.messages.length === 1);
    expect(fake.messages[0]?.attachments.map((a) => [a.name, a.size])).toEqual([["a.txt", 3]]);
  });

  test("a message sent before its file is up waits for it", async () => {
    const { chat } = visit();
    fake.refusals = [{ match: /POST \/attachments/, status: 503, code: "busy", detail: "", times: 2 }];
    void chat.attach(part("k1"), new Blob(["abc"])).catch(() => undefined);
    chat.send("", [part("k1")]);
    await until(() => fake.messages.length === 1);
    expect(fake.messages[0]?.attachments.length).toBe(1);
    expect(fake.asked(/POST \/attachments/)).toBe(3);
  });

  test("a file that the server will not have is named with the reason", async () => {
    const { chat } = visit();
    fake.refusals = [{ match: /POST \/attachments/, status: 413, code: "attachment.too_large", detail: "太大", times: 1 }];
    expect((await chat.attach(part("k1"), new Blob(["abc"]))).refused).toBe("太大");
  });

  test("a file that is no longer there is said to be gone", async () => {
    const { chat } = visit();
    chat.send("看附件", [part("lost")]);
    await until(() => chat.entries.some((e) => e.refused !== ""));
    expect(chat.entries[0]?.refused).toBe("文件没有传完，请重新添加");
    expect(fake.received).toEqual([]);
  });
});

describe("the line", () => {
  test("answers arrive by the stream", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.reply("答");
    await until(() => chat.messages.length === 2);
    expect(chat.messages[1]).toMatchObject({ text: "答", mine: false, alias: "小甲" });
    expect(chat.conversation).toMatchObject({ status: "served", alias: "小甲" });
  });

  test("history is there on return, and the stream goes on behind it", async () => {
    const first = visit();
    first.chat.send("问", []);
    await until(() => first.chat.messages.some((m) => m.cursor !== ""));
    leave(first);
    fake.reply("答");
    const { chat } = visit();
    await until(() => chat.link === "live");
    expect(texts(chat)).toEqual(["问", "答"]);
    expect(fake.requests.filter((r) => r.includes("/stream")).pop()).toBe("GET /stream?after=2");
  });

  test("after an interruption it comes back by itself with what was missed, once and in order", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.up = false;
    fake.cut();
    await until(() => chat.link === "offline");
    expect(chat.retryAt).toBeGreaterThan(Date.now());
    fake.reply("一");
    fake.reply("二");
    await pass(20_000);
    fake.up = true;
    await until(() => chat.link === "live");
    fake.reply("三");
    await until(() => chat.messages.length === 4);
    expect(texts(chat)).toEqual(["问", "一", "二", "三"]);
  });

  test("attempts grow rarer, and the browser's word that the network is back makes one at once", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.up = false;
    fake.cut();
    await pass(120_000);
    const before = fake.requests.length;
    await pass(60_000);
    expect(fake.requests.length - before).toBeLessThan(5);
    fake.up = true;
    chat.online(true);
    await pass(2_000);
    expect(chat.link).toBe("live");
  });

  test("where streams are held back it asks, and says so", async () => {
    fake.buffering = true;
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "polling");
    fake.reply("答");
    await pass(4_000);
    expect(texts(chat)).toEqual(["问", "答"]);
  });

  test("where streams are refused it asks, and tries the stream again later", async () => {
    fake.noStreams = true;
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "polling");
    fake.noStreams = false;
    await pass(125_000);
    expect(chat.link).toBe("live");
  });

  test("a stream that keeps a message back which the server has is not trusted", async () => {
    const { chat } = visit();
    chat.send("一", []);
    await until(() => chat.link === "live");
    fake.buffering = true;
    chat.send("二", []);
    await until(() => chat.link === "polling");
    expect(texts(chat)).toEqual(["一", "二"]);
    expect(chat.messages.every((m) => m.cursor !== "")).toBe(true);
  });

  test("a closed widget with nothing under way holds no connection", async () => {
    const first = visit();
    first.chat.send("问", []);
    await until(() => first.chat.link === "live");
    fake.reply("答");
    await until(() => first.chat.messages.length === 2);
    fake.set({ status: "resolved", canRate: true });
    await until(() => first.chat.conversation.status === "resolved");
    first.chat.look(false, true);
    await pass(1_000);
    expect(fake.listening).toBe(0);
    const { chat } = visit(false);
    await until(() => chat.loaded);
    await pass(60_000);
    expect(fake.listening).toBe(0);
    expect(chat.link).toBe("idle");
  });

  test("an event or member that this widget does not know is passed over", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    chat.apply({ type: "typing", id: "", data: '{"who":"?"}' });
    chat.apply({ type: "message", id: "", data: "not json" });
    chat.apply({ type: "message", id: "99", data: '{"direction":"out","text":"新","mood":{"x":1}}' });
    expect(texts(chat)).toEqual(["问", "新"]);
    expect(chat.messages[1]?.attachments).toEqual([]);
  });

  test("a server that was set back is read again from the beginning", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.refusals = [{ match: /GET \/messages/, status: 400, code: "chat.bad_cursor", detail: "", times: 1 }];
    await chat.poll();
    expect(texts(chat)).toEqual(["问"]);
  });
});

describe("history", () => {
  test("is read page by page, backwards, when somebody wants to see more", async () => {
    const { token } = fake.enrol();
    localStorage.setItem("bida:https://bida.test:web:token", token);
    for (let i = 1; i <= 120; i++) fake.reply(String(i));
    const { chat } = visit();
    await until(() => chat.loaded);
    expect(texts(chat)[0]).toBe("71");
    expect(chat.earlier).toBe(true);
    await chat.back();
    expect([texts(chat)[0], chat.messages.length, chat.earlier]).toEqual(["21", 100, true]);
    await chat.back();
    expect([texts(chat)[0], chat.messages.length, chat.earlier]).toEqual(["1", 120, false]);
  });

  test("an answer that comes between asking and listening is not missed", async () => {
    const { chat } = visit();
    await chat.attach(part("k1"), new Blob(["abc"])); // makes the visitor
    await until(() => chat.link === "live");
    expect(fake.requests.filter((r) => r.includes("/stream"))).toEqual(["GET /stream?after=0"]);
  });

  test("an inbox that is closed for visitors is said to be, and is not asked again and again", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.refusals = [{ match: /./, status: 404, code: "chat.unknown_inbox", detail: "", times: 1e9 }];
    fake.cut();
    await until(() => chat.gone);
    const before = fake.requests.length;
    await pass(60_000);
    expect(fake.requests.length).toBe(before);
  });
});

describe("unread and seen", () => {
  test("answers count as unread until they were on the screen, also for the server and over a reload", async () => {
    const { chat } = visit(false);
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.reply("一");
    fake.reply("二");
    await until(() => chat.unread === 2);
    chat.see("3");
    expect(chat.unread).toBe(0);
    await until(() => fake.talks.get(fake.only)?.seen === "3");
    const again = visit(false);
    await until(() => again.chat.loaded);
    expect(again.chat.unread).toBe(0);
  });
});

describe("two tabs of one visitor", () => {
  // happy-dom has one window; browsers tell the other tabs of what was written.
  function told(key: string): void {
    window.dispatchEvent(new StorageEvent("storage", { key: `bida:https://bida.test:web:${key}` }));
  }

  test("see the same, once", async () => {
    const one = visit();
    one.chat.send("问", []);
    await until(() => one.chat.messages.length === 1);
    const two = visit();
    await until(() => two.chat.link === "live");
    two.chat.send("再问", []);
    told("outbox");
    await until(() => one.chat.messages.length === 2 && two.chat.messages.length === 2);
    fake.reply("答");
    await until(() => one.chat.messages.length === 3 && two.chat.messages.length === 3);
    await pass(10_000);
    expect(texts(one.chat)).toEqual(["问", "再问", "答"]);
    expect(texts(two.chat)).toEqual(["问", "再问", "答"]);
    expect(fake.received).toEqual(["问", "再问"]);
  });

  test("a second tab learns who the visitor is when the first becomes one", async () => {
    const one = visit();
    const two = visit();
    one.chat.send("问", []);
    await until(() => one.chat.messages.length === 1);
    told("token");
    await until(() => texts(two.chat).join() === "问");
    expect(fake.talks.size).toBe(1);
  });

  test("both may find the same message in the outbox, and it arrives once", async () => {
    const one = visit();
    fake.up = false;
    one.chat.send("问", []);
    await pass(3_000);
    const two = visit();
    fake.up = true;
    one.chat.online(true);
    two.chat.online(true);
    await until(() => one.chat.entries.length === 0 && two.chat.entries.length === 0);
    await pass(10_000);
    expect(fake.received.filter((t) => t === "问").length).toBe(1);
    expect(new Set(fake.messages.map((m) => m.visitor)).size).toBe(1);
  });
});

describe("a browser that keeps nothing", () => {
  test("can talk all the same, and it is known that nothing lasts", async () => {
    vi.stubGlobal("localStorage", {
      setItem() {
        throw new DOMException("blocked", "SecurityError");
      },
    });
    const { chat } = visit();
    expect(chat.lasting).toBe(false);
    chat.send("问", []);
    await until(() => chat.messages.some((m) => m.cursor !== ""));
    fake.reply("答");
    await until(() => chat.messages.length === 2);
    expect(texts(chat)).toEqual(["问", "答"]);
  });

  test("goes on when storage becomes full in the middle", async () => {
    const { chat } = visit();
    chat.send("一", []);
    await until(() => chat.messages.length === 1);
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    chat.send("二", []);
    await until(() => fake.received.length === 2);
    expect(fake.received).toEqual(["一", "二"]);
  });
});

describe("the end", () => {
  test("a conversation that has ended can be rated once, and a new message opens it again", async () => {
    const { chat } = visit();
    chat.send("问", []);
    await until(() => chat.link === "live");
    fake.set({ status: "resolved", canRate: true });
    await until(() => chat.conversation.canRate);
    await chat.rate(4, "很好");
    expect(chat.conversation).toMatchObject({ rated: 4 });
    expect(fake.talks.get(fake.only)).toMatchObject({ rated: 4, comment: "很好" });
    chat.send("又有问题", []);
    await until(() => chat.conversation.status === "waiting");
  });
});
