import type { DraftFile, Keep, Mode } from "./drafts";

/** A reply or note on its way. Its id is the one under which the server stores it, so that sending it again is never a second message. */
export interface Outgoing {
  readonly id: string;
  readonly conversation: string;
  readonly mode: Mode;
  readonly text: string;
  readonly mentions: readonly string[];
  readonly files: readonly DraftFile[];
  readonly at: string;
  /** waiting: to be sent, or sent and not answered; sent: the server has it; failed: the server refused it. */
  readonly state: "waiting" | "sent" | "failed";
  /** Under way this very moment. */
  readonly busy?: boolean;
  /** How often it was tried without an answer. */
  readonly tries?: number;
  /** When the next attempt is made, in milliseconds. */
  readonly retryAt?: number;
  /** The server's id of it, when it is known. */
  readonly message?: string;
  /** Why it failed, or what the last try met, in words. */
  readonly reason?: string;
}

/** How an attempt ended. */
export type Sent =
  | { readonly kind: "sent"; readonly message: string }
  /** The server said no: trying again changes nothing. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Not known, or not now. */
  | { readonly kind: "again"; readonly reason: string; readonly after?: number }
  /** Nobody is signed in: it waits for that. */
  | { readonly kind: "signed_out" };

export interface OutboxOptions {
  readonly account: string;
  readonly keep: Keep;
  readonly send: (item: Outgoing) => Promise<Sent>;
  readonly now: () => number;
  /** Calls f once after some milliseconds; the result cancels that. */
  readonly after: (ms: number, f: () => void) => () => void;
}

const firstWait = 1_000;
const longestWait = 15_000;
const sentKept = 60_000; // how long one that the server has stays, for a thread that does not show it yet

function isOutgoing(value: unknown): value is Outgoing {
  if (typeof value !== "object" || value === null) return false;
  const o = value as Record<string, unknown>;
  return ["id", "conversation", "mode", "text", "at", "state"].every((k) => typeof o[k] === "string") && Array.isArray(o["mentions"]) && Array.isArray(o["files"]);
}

/**
 * Outbox sends what an agent writes, in each conversation one after the other, until the server has answered: over lost connections, restarts of the server
 * and reloads of the page. Two tabs may send the same item: the server stores it once.
 */
export class Outbox {
  private items: readonly Outgoing[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly cancel = new Map<string, () => void>();
  private readonly key: string;
  private running = false;

  constructor(private readonly o: OutboxOptions) {
    this.key = `bida.outbox.${o.account}`;
    this.items = this.kept();
  }

  list(): readonly Outgoing[] {
    return this.items;
  }

  subscribe(tell: () => void): () => void {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  /** Begins to send, also what an earlier page left behind. */
  start(): void {
    this.running = true;
    this.pumpAll();
  }

  /** Sends nothing more until start. */
  stop(): void {
    this.running = false;
    for (const cancel of this.cancel.values()) cancel();
    this.cancel.clear();
  }

  add(item: Pick<Outgoing, "id" | "conversation" | "mode" | "text" | "mentions" | "files">): void {
    this.change([...this.items, { ...item, at: new Date(this.o.now()).toISOString(), state: "waiting" }]);
    void this.pump(item.conversation);
  }

  /** Tries everything that waits now: the network or the session is back. */
  retryNow(): void {
    if (!this.running) return;
    for (const cancel of this.cancel.values()) cancel();
    this.cancel.clear();
    this.pumpAll();
  }

  /** Tries one again that had failed. */
  retry(id: string): void {
    this.edit(id, { state: "waiting", tries: 0, reason: undefined, retryAt: undefined });
    const item = this.items.find((i) => i.id === id);
    if (item) void this.pump(item.conversation);
  }

  /** Takes one out, so that it is edited or forgotten. One under way may arrive nevertheless, and is therefore not given. */
  take(id: string): Outgoing | undefined {
    const item = this.items.find((i) => i.id === id && i.busy !== true);
    if (item) this.change(this.items.filter((i) => i !== item));
    return item;
  }

  /** Forgets what threads show by now. What is under way, since two tabs may send the same, is forgotten when it has been answered. */
  shown(ids: readonly string[]): void {
    const left = this.items.filter((i) => !ids.includes(i.id) || i.busy === true);
    if (left.length < this.items.length) this.change(left);
  }

  /** Another tab has changed the list. What this tab has under way stays. */
  changedElsewhere(): void {
    const busy = this.items.filter((i) => i.busy === true);
    this.items = [...this.kept().filter((i) => !busy.some((b) => b.id === i.id)), ...busy];
    this.tell();
    if (this.running) this.pumpAll();
  }

  private pumpAll(): void {
    for (const c of new Set(this.items.map((i) => i.conversation))) void this.pump(c);
  }

  /** Sends the first that waits in a conversation, unless one is under way there. */
  private async pump(conversation: string): Promise<void> {
    const here = this.items.filter((i) => i.conversation === conversation && i.state === "waiting");
    const next = here[0];
    if (!this.running || next === undefined || this.cancel.has(conversation) || here.some((i) => i.busy === true)) return;
    this.edit(next.id, { busy: true, retryAt: undefined });
    const result = await this.o.send(next);
    const tries = (next.tries ?? 0) + 1;
    switch (result.kind) {
      case "sent":
        this.edit(next.id, { busy: false, state: "sent", message: result.message, reason: undefined });
        this.o.after(sentKept, () => this.shown([next.id]));
        break;
      case "refused":
        this.edit(next.id, { busy: false, state: "failed", reason: result.reason });
        break;
      case "signed_out":
        this.edit(next.id, { busy: false });
        return;
      case "again": {
        const wait = Math.max(result.after ?? 0, Math.min(firstWait * 2 ** (tries - 1), longestWait));
        this.edit(next.id, { busy: false, tries, reason: result.reason, retryAt: this.o.now() + wait });
        this.cancel.set(conversation, this.o.after(wait, () => {
          this.cancel.delete(conversation);
          void this.pump(conversation);
        }));
        return;
      }
    }
    void this.pump(conversation);
  }

  private edit(id: string, change: { readonly [K in keyof Outgoing]?: Outgoing[K] | undefined }): void {
    this.change(this.items.map((i) => (i.id === id ? withoutUndefined({ ...i, ...change }) : i)));
  }

  private change(items: readonly Outgoing[]): void {
    this.items = items;
    const kept = items.filter((i) => i.state !== "sent").map(({ busy: _busy, retryAt: _retryAt, ...rest }) => rest);
    try {
      if (kept.length === 0) this.o.keep.removeItem(this.key);
      else this.o.keep.setItem(this.key, JSON.stringify(kept));
    } catch {
      // It is sent as long as this page is open.
    }
    this.tell();
  }

  private kept(): readonly Outgoing[] {
    try {
      const value: unknown = JSON.parse(this.o.keep.getItem(this.key) ?? "[]");
      return Array.isArray(value) ? value.filter(isOutgoing) : [];
    } catch {
      return [];
    }
  }

  private tell(): void {
    for (const tell of this.listeners) tell();
  }
}

function withoutUndefined(item: { readonly [K in keyof Outgoing]: Outgoing[K] | undefined }): Outgoing {
  return Object.fromEntries(Object.entries(item).filter(([, v]) => v !== undefined)) as unknown as Outgoing;
}
