/** What somebody has begun to write in a conversation. It is kept on this device until it is sent or emptied, whatever happens to the page or the session. */
export interface Draft {
  readonly text: string;
  readonly mentions: readonly string[];
  readonly files: readonly DraftFile[];
}

/** A file that was uploaded for a message which is not sent yet. */
export interface DraftFile {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

export type Mode = "reply" | "note";

export const noDraft: Draft = { text: "", mentions: [], files: [] };

export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const keyOf = (account: string, conversation: string, mode: Mode): string => `bida.draft.${account}.${conversation}.${mode}`;

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const d = value as Record<string, unknown>;
  return typeof d["text"] === "string" && Array.isArray(d["mentions"]) && Array.isArray(d["files"]);
}

/** Drafts keeps drafts by account, conversation and mode, and tells views of this tab when one changes. Other tabs are told by the browser. */
export class Drafts {
  private readonly memory = new Map<string, Draft>(); // for a browser that keeps nothing
  private readonly listeners = new Set<() => void>();

  constructor(private readonly keep: Keep) {}

  read(account: string, conversation: string, mode: Mode): Draft {
    const key = keyOf(account, conversation, mode);
    const known = this.memory.get(key);
    if (known) return known;
    let draft = noDraft;
    try {
      const value: unknown = JSON.parse(this.keep.getItem(key) ?? "null");
      if (isDraft(value)) draft = value;
    } catch {
      // what somebody wrote there by hand
    }
    this.memory.set(key, draft);
    return draft;
  }

  write(account: string, conversation: string, mode: Mode, draft: Draft): void {
    const key = keyOf(account, conversation, mode);
    const empty = draft.text === "" && draft.mentions.length === 0 && draft.files.length === 0;
    this.memory.set(key, empty ? noDraft : draft);
    try {
      if (empty) this.keep.removeItem(key);
      else this.keep.setItem(key, JSON.stringify(draft));
    } catch {
      // It holds until the page is closed.
    }
    this.tell();
  }

  /** Another tab has written: what is kept is read again. */
  changedElsewhere(key: string | null): void {
    if (key === null) this.memory.clear();
    else if (!this.memory.delete(key)) return;
    this.tell();
  }

  subscribe(tell: () => void): () => void {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  private tell(): void {
    for (const tell of this.listeners) tell();
  }
}
