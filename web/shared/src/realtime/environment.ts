/** What the client needs of its surroundings; a test brings its own. */

export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((message: { readonly data: unknown }) => void) | null;
  onclose: ((end: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Environment {
  now(): number;
  random(): number;
  /** Calls f once after some milliseconds; the result cancels that. */
  after(ms: number, f: () => void): () => void;
  /** Calls f when the running task is done, without waiting for a timer, which a hidden tab would slow down. */
  soon(f: () => void): void;
  /** Opens a WebSocket to a path of the server; it may throw where the page's policy forbids it. */
  openSocket(path: string): SocketLike;
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** Keeps the cursor over a reload of the tab. */
  readonly keep: Keep;
  /** What is kept was copied from another tab, which is open as well. */
  readonly copied: boolean;
  /** Whether a person can see the page, and word when that changes; the result ends it. */
  visible(): boolean;
  onVisibility(f: () => void): () => void;
  /** Word that the network has come back; the result ends it. */
  onOnline(f: () => void): () => void;
  /** Where a fault of a listener goes. */
  report(error: unknown): void;
}

/** The environment of a page. */
export function browser(): Environment {
  const keep = tabKeep();
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    after(ms, f) {
      const timer = setTimeout(f, ms);
      return () => clearTimeout(timer);
    },
    soon: (f) => queueMicrotask(f),
    openSocket(path) {
      const url = new URL(path, location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(url) as SocketLike;
    },
    fetch: (path, init) => fetch(path, init),
    keep,
    copied: claim(keep),
    visible: () => document.visibilityState === "visible",
    onVisibility: (f) => listen(document, "visibilitychange", f),
    onOnline: (f) => listen(window, "online", f),
    report: (error) => reportError(error),
  };
}

function listen(target: EventTarget, type: string, f: () => void): () => void {
  target.addEventListener(type, f);
  return () => target.removeEventListener(type, f);
}

/** In the storage of a tab while its page is open. */
const openKey = "bida.realtime.open";

let copied: boolean | undefined; // known once for the page

/**
 * Says whether the tab's storage was copied from another tab, and marks it as in use until the page ends: a browser copies the storage of a tab that is duplicated,
 * with the mark. (After a crash the mark is left, and the tab counts as another one; that does no harm.)
 */
function claim(keep: Keep): boolean {
  if (copied === undefined) {
    copied = keep.getItem(openKey) !== null;
    const mark = (): void => keep.setItem(openKey, "1");
    mark();
    window.addEventListener("pageshow", mark);
    window.addEventListener("pagehide", () => keep.removeItem(openKey));
  }
  return copied;
}

/** The tab's session storage, or memory where the browser forbids it. */
function tabKeep(): Keep {
  const memory = new Map<string, string>();
  return {
    getItem(key) {
      try {
        return sessionStorage.getItem(key);
      } catch {
        return memory.get(key) ?? null;
      }
    },
    setItem(key, value) {
      memory.set(key, value);
      try {
        sessionStorage.setItem(key, value);
      } catch {
        // full or forbidden: memory has it until the page ends
      }
    },
    removeItem(key) {
      memory.delete(key);
      try {
        sessionStorage.removeItem(key);
      } catch {
        // forbidden: it was never there
      }
    },
  };
}
