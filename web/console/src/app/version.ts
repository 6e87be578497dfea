import { useSyncExternalStore } from "react";

/** What this console calls itself in the hello of its session, and its version; "dev" where it was not built by a release. */
export const clientName = "bida-console";

export function clientVersion(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content ?? "dev";
}

let outdated = false;
const listeners = new Set<() => void>();

/** entryOf finds in a page of the console what it loads first; its name changes with its content. */
export function entryOf(page: string): string | undefined {
  return /<script[^>]*\ssrc="(\/assets\/[^"]+)"/.exec(page)?.[1];
}

/**
 * lookForNewVersion asks whether the server has another console than this tab. A part of an old one can be gone from it: file names have the hash of their
 * content. False where the server does not answer, because then nothing is known.
 */
export async function lookForNewVersion(get: typeof fetch = fetch, own: string | undefined = entryOf(document.documentElement.outerHTML)): Promise<boolean> {
  if (outdated) return true;
  try {
    const answer = await get("/", { cache: "no-store", headers: { Accept: "text/html" } });
    const theirs = answer.ok ? entryOf(await answer.text()) : undefined;
    if (own === undefined || theirs === undefined || own === theirs) return false;
  } catch {
    return false;
  }
  outdated = true;
  for (const tell of listeners) tell();
  return true;
}

/** useOutdated says whether it is known that this tab has an old console. */
export function useOutdated(): boolean {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => outdated);
}
