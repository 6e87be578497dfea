/** deviceOf says what a browser is, in as few words as its own description allows; "" if it does not say. */
export function deviceOf(userAgent: string): string {
  const browser = [["MicroMessenger", "微信"], ["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([mark]) => userAgent.includes(mark ?? ""))?.[1];
  const system = [["iPhone", "iPhone"], ["iPad", "iPad"], ["Android", "Android"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]].find(([mark]) => userAgent.includes(mark ?? ""))?.[1];
  return [browser, system].filter((w) => w !== undefined).join(" · ");
}
