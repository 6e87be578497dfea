/** What somebody has written on this device and nobody else has: it is not thrown away without a word. */
export interface Unsent {
  readonly drafts: number;
  /** Replies and notes on their way. */
  readonly outgoing: number;
  /** Settings that were changed and not saved. */
  readonly edits: number;
}

/** What is looked at and emptied; a test brings its own. */
export interface Device {
  readonly local: Storage;
  readonly tab: Storage;
  /** Empties what the browser keeps of answers and programs. */
  forget(): Promise<void>;
}

const prefix = "bida.";
/** A choice of the person, and no data: language, appearance, sound. */
const kept: readonly string[] = ["bida.preferences", "bida.sound"];

const unsentOf = (account: string): readonly string[] => [`bida.draft.${account}.`, `bida.outbox.${account}`, `bida.edit.${account}.`];

/** Work that is not sent belongs to whoever wrote it: that of other accounts on this device is never touched. */
const isWork = (key: string): boolean => key.startsWith("bida.draft.") || key.startsWith("bida.outbox.") || key.startsWith("bida.edit.");

function keysOf(storage: Storage): readonly string[] {
  return Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "").filter((key) => key.startsWith(prefix));
}

function outgoingIn(text: string | null): number {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list.length : 0;
  } catch {
    return 0; // nothing that could be sent
  }
}

/** unsent counts what would be lost. */
export function unsent(account: string, device: Device): Unsent {
  try {
    const local = keysOf(device.local);
    return {
      drafts: local.filter((k) => k.startsWith(`bida.draft.${account}.`)).length,
      outgoing: outgoingIn(device.local.getItem(`bida.outbox.${account}`)),
      edits: keysOf(device.tab).filter((k) => k.startsWith(`bida.edit.${account}.`)).length,
    };
  } catch {
    return { drafts: 0, outgoing: 0, edits: 0 }; // a browser that keeps nothing has nothing to lose
  }
}

/** clear empties what this console keeps on the device; what was not sent only if the person has agreed to lose that. */
export async function clear(account: string, loseUnsent: boolean, device: Device): Promise<void> {
  for (const storage of [device.local, device.tab]) {
    try {
      for (const key of keysOf(storage)) {
        const mine = unsentOf(account).some((k) => key.startsWith(k));
        if (kept.includes(key) || (isWork(key) && !(mine && loseUnsent))) continue;
        storage.removeItem(key);
      }
    } catch {
      // forbidden: there is nothing
    }
  }
  await device.forget();
}

/** device is this browser's. */
export function device(): Device {
  return {
    get local() {
      return localStorage;
    },
    get tab() {
      return sessionStorage;
    },
    forget: async () => {
      try {
        if ("caches" in window) await Promise.all((await caches.keys()).map((name) => caches.delete(name)));
        if ("serviceWorker" in navigator) await Promise.all((await navigator.serviceWorker.getRegistrations()).map((r) => r.unregister()));
        await fetch("/", { cache: "reload" }); // so that the reload does not find an old page
      } catch {
        // The reload asks the server anyway.
      }
    },
  };
}
