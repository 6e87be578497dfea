// What a browser remembers for one visitor of one inbox. Where storage is blocked (private windows, strict settings, sandboxed frames) the same lives
// in memory, and `lasting` is false so that the visitor can be told what that means.

export class Keep {
  readonly lasting: boolean;
  private readonly held = new Map<string, string>();
  private readonly store: Storage | undefined;

  constructor(readonly prefix: string) {
    this.store = usable();
    this.lasting = this.store !== undefined;
  }

  get(key: string): string {
    try {
      if (this.store) return this.store.getItem(this.prefix + key) ?? "";
    } catch {
      // Blocked while the page was open: what is in memory is all there is.
    }
    return this.held.get(key) ?? "";
  }

  set(key: string, value: string): void {
    this.held.set(key, value);
    try {
      if (value === "") this.store?.removeItem(this.prefix + key);
      else this.store?.setItem(this.prefix + key, value);
    } catch {
      // Full or blocked: the page goes on with what is in memory.
    }
  }

  /** json reads a value that this widget wrote; whatever else is there counts as nothing. */
  json(key: string): unknown {
    try {
      return JSON.parse(this.get(key) || "null") as unknown;
    } catch {
      return null;
    }
  }

  /** changed tells when another tab wrote. */
  changed(tell: (key: string) => void): () => void {
    const listen = (e: StorageEvent): void => {
      if (e.key === null) tell("");
      else if (e.key.startsWith(this.prefix)) tell(e.key.slice(this.prefix.length));
    };
    window.addEventListener("storage", listen);
    return () => window.removeEventListener("storage", listen);
  }
}

function usable(): Storage | undefined {
  try {
    const probe = "bida:probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return undefined;
  }
}
