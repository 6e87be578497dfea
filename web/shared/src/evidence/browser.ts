/** What a browser says of itself. */

export interface Brand {
  readonly brand: string;
  readonly version: string;
}

/** The marks of browsers in a user agent, the more special ones first: they all name those that they are made from as well. */
const marks: readonly (readonly [name: string, mark: RegExp])[] = [
  ["WeCom", /\bwxwork\/(\d+)/i],
  ["WeChat", /\bMicroMessenger\/(\d+)/],
  ["DingTalk", /\bDingTalk\/(\d+)/],
  ["QQBrowser", /\bM?QQBrowser\/(\d+)/],
  ["Edge", /\bEdg(?:A|iOS)?\/(\d+)/],
  ["Opera", /\bOPR\/(\d+)/],
  ["Samsung Internet", /\bSamsungBrowser\/(\d+)/],
  ["Firefox", /\b(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /\b(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/],
  ["Safari", /\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//],
];

const titles: ReadonlyMap<string, string> = new Map([["Google Chrome", "Chrome"], ["HeadlessChrome", "Chrome"], ["Microsoft Edge", "Edge"]]);

/** One of the brands is made up, so that nobody relies on the list: "Not)A;Brand" and the like. */
const madeUp = /not.*brand/i;

/** browserOf names a browser and its major version, such as "Chrome 156"; "" if it does not say. Apps that show pages are told by the user agent only. */
export function browserOf(userAgent: string, brands: readonly Brand[] = []): string {
  const [name, mark] = marks.find(([, m]) => m.test(userAgent)) ?? [];
  const real = brands.filter((b) => !madeUp.test(b.brand) && /^\d{1,6}$/.test(b.version));
  const brand = real.find((b) => b.brand !== "Chromium") ?? real[0];
  if (brand !== undefined && !inApp(userAgent)) {
    return `${titles.get(brand.brand) ?? plain(brand.brand)} ${brand.version}`;
  }
  const version = mark?.exec(userAgent)?.[1];
  return name === undefined || version === undefined || version.length > 6 ? "" : `${name} ${version}`;
}

/** inApp says whether the page is shown by another app, which is no browser of its own. */
export function inApp(userAgent: string): boolean {
  return /\b(?:wxwork|MicroMessenger|DingTalk)\/|;\s*wv\)/i.test(userAgent);
}

/** A name without what has no place in one, and not longer than one. */
function plain(name: string): string {
  return name.replace(/[^\p{L}\p{N} .+-]/gu, "").slice(0, 40);
}
