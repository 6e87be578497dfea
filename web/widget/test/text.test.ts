import { describe, expect, test } from "vitest";
import { accents, contrast, parse } from "../src/color";
import { readEvents, type ServerEvent } from "../src/events";
import { bytes, day, moment, pieces, size } from "../src/text";
import { message, newer } from "../src/wire";
import { words } from "../src/words";

const zh = words("zh", "", []);
const en = words("en", "", []);

function links(text: string): string[] {
  return pieces(text).flatMap((p) => (p.href ? [p.href] : []));
}

describe("links", () => {
  test.each([
    ["看 https://a.example/x。谢谢", ["https://a.example/x"]],
    ["(see http://a.example/b_(c)).", ["http://a.example/b_(c)"]],
    ["https://a.example，还有http://b.example/?q=1&r=2！", ["https://a.example/", "http://b.example/?q=1&r=2"]],
    ["HTTPS://A.EXAMPLE/Path", ["https://a.example/Path"]],
    ["javascript:alert(1) data:text/html,x ftp://a.example file:///etc/passwd //a.example", []],
    ["https:// http://", []],
    ["https://a.example/\u202egpj.exe", ["https://a.example/"]],
    ["https://user:pw@a.example/", ["https://user:pw@a.example/"]],
  ])("of %j are %j", (text, want) => {
    expect(links(text)).toEqual(want);
  });

  test("leave every character of the text in its place", () => {
    const text = "a https://x.example/1, b (http://y.example/) <b>c</b>";
    expect(pieces(text).map((p) => p.text).join("")).toBe(text);
  });
});

describe("words for numbers and times", () => {
  test("sizes", () => {
    expect([0, 999, 1024, 1536, 20 << 20, 15.4 * 1024 * 1024].map(size)).toEqual(["0 B", "999 B", "1 KB", "1.5 KB", "20 MB", "15 MB"]);
  });

  test("a text is as long as its bytes", () => {
    expect([bytes("abc"), bytes("您好"), bytes("👍")]).toEqual([3, 6, 4]);
  });

  test("days are near ones by name, others with their weekday, and the year only when it is another", () => {
    const now = new Date(2026, 10, 26, 12).getTime();
    const at = (y: number, m: number, d: number): number => new Date(y, m - 1, d, 9).getTime();
    expect([at(2026, 11, 26), at(2026, 11, 25), at(2026, 11, 20), at(2025, 12, 31)].map((t) => day(t, zh, now))).toEqual(["今天", "昨天", "11月20日星期五", "2025年12月31日星期三"]);
    expect(day(at(2026, 11, 20), en, now)).toBe("Friday, November 20");
    expect([moment(at(2026, 11, 26), zh, now), moment(at(2026, 11, 27), zh, now)]).toEqual(["09:00", "明天 09:00"]);
  });
});

describe("the language", () => {
  test("is what the page asks for, else the page's own, else the browser's, else English", () => {
    expect(words("zh", "en", ["en"]).lang).toBe("zh-CN");
    expect(words("", "zh-Hant", ["en"]).lang).toBe("zh-CN");
    expect(words("", "en-GB", ["zh-CN"]).lang).toBe("en");
    expect(words("", "de", ["fr", "zh"]).lang).toBe("zh-CN");
    expect(words("", "de", ["fr"]).lang).toBe("en");
  });

  test("has Chinese quotation marks in Chinese and no Chinese in English", () => {
    const all = (w: typeof zh): string =>
      Object.values(w)
        .map((v) => (typeof v === "function" ? (v as (...a: unknown[]) => string)("x", "y") : String(v)))
        .join("\n");
    expect(all(zh)).not.toMatch(/["「」]/);
    expect(all(en)).not.toMatch(/[\u3000-\u9fff\uff00-\uffef]/);
  });
});

describe("an accent colour", () => {
  test.each(["#ffcc00", "#000", "#fff", "#777777", "#0f6466", "#ff0000"])("%s is readable wherever it is used", (color) => {
    const a = accents(parse(color) ?? [0, 0, 0]);
    const rgb = (name: string): [number, number, number] => (a[name]?.match(/\d+/g) ?? []).map(Number) as [number, number, number];
    expect(contrast(rgb("--accent"), rgb("--on-accent"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb("--accent-text-light"), [240, 243, 243])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb("--accent-text-dark"), [38, 46, 49])).toBeGreaterThanOrEqual(4.5);
  });

  test("is taken as hexadecimal only", () => {
    expect(["red", "#12", "url(x)", "#12345g", "#fff;color:red"].map(parse)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

describe("server-sent events", () => {
  async function read(...chunks: string[]): Promise<ServerEvent[]> {
    const events: ServerEvent[] = [];
    const body = new ReadableStream<Uint8Array>({
      start(out) {
        for (const c of chunks) out.enqueue(new TextEncoder().encode(c));
        out.close();
      },
    });
    await readEvents(body, () => undefined, (e) => events.push(e));
    return events;
  }

  test("are read wherever the network cuts them", async () => {
    const text = ": hello\n\nevent: message\r\nid: 7\r\ndata: {\"a\":\ndata: \"您好\"}\r\n\r\ndata: x\n\nevent: cut\ndata: y\n";
    const want = [
      { type: "message", id: "7", data: '{"a":\n"您好"}' },
      { type: "message", id: "", data: "x" },
    ];
    expect(await read(text)).toEqual(want);
    for (let i = 1; i < text.length; i++) expect(await read(text.slice(0, i), text.slice(i)), `cut at ${i}`).toEqual(want);
  });
});

describe("what the server sends", () => {
  test("may lack members, have others, and have them of another kind", () => {
    expect(message({ cursor: 12, direction: "out", text: 7, agent: "x", attachments: { a: 1 }, more: [] })).toMatchObject({ cursor: "12", text: "7", alias: "", automatic: false, attachments: [] });
    expect(message({ direction: "out", kind: "auto_reply", text: "还在吗" })).toMatchObject({ mine: false, automatic: true });
    expect(message(null).text).toBe("");
  });

  test("cannot turn the direction of names", () => {
    expect(message({ attachments: [{ name: "a\u202egnp.exe" }] }).attachments[0]?.name).toBe("agnp.exe");
  });

  test("is ordered by cursor as a number of any length", () => {
    expect([newer("10", "9"), newer("9", "10"), newer("9007199254740993", "9007199254740992"), newer("1", "")]).toEqual([true, false, true, true]);
  });
});
