import { describe, expect, test } from "vitest";
import { browserOf } from "./browser";
import { mode, notifications, readEvidence, sound, storage } from "./read";
import type { Surroundings } from "./surroundings";

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

function tab(change: Partial<Surroundings> = {}): Surroundings {
  return {
    userAgent: chrome, brands: undefined, secure: true, permission: "granted", hasAudio: true, autoplay: undefined, touched: true,
    framed: false, standalone: false, visible: true, store: () => undefined, ...change,
  };
}

/** What a browser throws; its name says why. */
function thrown(name: string): () => void {
  return () => {
    throw Object.assign(new Error("no"), { name });
  };
}

test("of a tab in which all is well", () => {
  expect(readEvidence(true, tab())).toEqual({
    notifications: "granted", secure: true, sound: "on", browser: "Chrome 156", mode: "tab", storage: "ok", visible: true,
  });
});

test("notifications: the browser's permission, or that there are none", () => {
  for (const permission of ["granted", "denied", "default"] as const) {
    expect(notifications(tab({ permission }))).toBe(permission);
  }
  expect(notifications(tab({ permission: undefined }))).toBe("unsupported");
  expect(notifications(tab({ permission: "perhaps" }))).toBe("unsupported");
});

test("sound: off by the person, blocked until the page is touched where the browser says so", () => {
  expect(sound(true, tab())).toBe("on");
  expect(sound(true, tab({ touched: undefined }))).toBe("on");
  expect(sound(false, tab({ touched: false }))).toBe("off");
  expect(sound(true, tab({ touched: false }))).toBe("blocked");
  expect(sound(true, tab({ touched: false, autoplay: "allowed" }))).toBe("on");
  expect(sound(true, tab({ touched: undefined, autoplay: "disallowed" }))).toBe("blocked");
  expect(sound(true, tab({ touched: true, autoplay: "disallowed" }))).toBe("on");
  expect(sound(true, tab({ hasAudio: false }))).toBe("unsupported");
});

test("mode: embedded in a page or an app, a window of its own, or a tab", () => {
  expect(mode(tab())).toBe("tab");
  expect(mode(tab({ standalone: true }))).toBe("installed");
  expect(mode(tab({ framed: true, standalone: true }))).toBe("embedded");
  expect(mode(tab({ userAgent: `${chrome} wxwork/4.1.36` }))).toBe("embedded");
  expect(mode(tab({ userAgent: "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 Version/4.0 Chrome/156.0.0.0 Mobile Safari/537.36" }))).toBe("embedded");
});

test("storage: kept, full, or forbidden", () => {
  expect(storage(tab())).toBe("ok");
  expect(storage(tab({ store: thrown("QuotaExceededError") }))).toBe("full");
  expect(storage(tab({ store: thrown("NS_ERROR_DOM_QUOTA_REACHED") }))).toBe("full");
  expect(storage(tab({ store: thrown("SecurityError") }))).toBe("denied");
  expect(storage(tab({ store: thrown("TypeError") }))).toBe("denied");
});

describe("the browser", () => {
  test.each([
    ["Chrome 156", chrome],
    ["Chrome 156", chrome.replace("Chrome/", "HeadlessChrome/")],
    ["Edge 156", `${chrome} Edg/156.0.0.0`],
    ["Opera 120", `${chrome} OPR/120.0.0.0`],
    ["Firefox 140", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["Safari 19", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15"],
    ["Safari 19", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"],
    ["WeCom 4", `${chrome} wxwork/4.1.36 MicroMessenger/7.0.1`],
    ["WeChat 8", `${chrome} MicroMessenger/8.0.50`],
    ["QQBrowser 13", `${chrome} QQBrowser/13.2`],
    ["", "curl/8.0"],
    ["", ""],
    ["", "Chrome/99999999999999999999"],
  ])("is %s by its user agent", (name, userAgent) => expect(browserOf(userAgent)).toBe(name));

  test("is told by its brands where it has them, made-up ones left out", () => {
    const brands = [{ brand: "Not)A;Brand", version: "8" }, { brand: "Chromium", version: "156" }];
    expect(browserOf(chrome, brands)).toBe("Chromium 156");
    expect(browserOf(chrome, [...brands, { brand: "Google Chrome", version: "156" }])).toBe("Chrome 156");
    expect(browserOf(chrome, [...brands, { brand: "Microsoft Edge", version: "155" }])).toBe("Edge 155");
    expect(browserOf(chrome, [...brands, { brand: 'A "new" one\n', version: "1" }])).toBe("A new one 1");
    expect(browserOf(`${chrome} MicroMessenger/8.0.50`, brands)).toBe("WeChat 8");
    expect(browserOf(chrome, [{ brand: "Odd", version: "one" }])).toBe("Chrome 156");
  });
});
