import type { StreamEvent } from "@bida/shared/realtime";
import type { Keep } from "./drafts";
import type { Remark } from "./thread";

/** An entry of the agent's stream that belongs to a conversation and was not taken back. */
export interface Entry {
  /** agent_sequence */
  readonly entry: number;
  readonly conversation: string;
  readonly seen: boolean;
  readonly accepted: boolean;
}

const most = 1_000; // entries that are remembered

/**
 * Deliveries remembers which entries of the stream are still to be acknowledged as seen and accepted, over a reload of the tab too, and what was taken back
 * from which conversation and why.
 */
export class Deliveries {
  private entries: Entry[] = [];
  private readonly gone = new Map<string, Remark[]>();
  private readonly listeners = new Set<() => void>();
  private readonly key: string;

  constructor(account: string, private readonly keep: Keep) {
    this.key = `bida.deliveries.${account}`;
    try {
      const value: unknown = JSON.parse(keep.getItem(this.key) ?? "[]");
      if (Array.isArray(value)) this.entries = value.filter(isEntry);
    } catch {
      // what somebody wrote there by hand
    }
  }

  subscribe(tell: () => void): () => void {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  /** Takes an event in. */
  handle(e: StreamEvent): void {
    const { conversation } = e;
    if (conversation === undefined) return;
    switch (e.event) {
      case "message":
        if (!this.entries.some((x) => x.entry === e.agent_sequence)) {
          this.save([...this.entries, { entry: e.agent_sequence, conversation, seen: false, accepted: false }].slice(-most));
        }
        break;
      case "withdrawn":
        this.save(this.entries.filter((x) => x.entry !== e.withdraws));
        this.remark(conversation, e);
        break;
      case "tombstone":
        this.remark(conversation, e);
        break;
    }
  }

  /** The entries of a conversation that are to be acknowledged now as seen; they count as seen from then on. */
  see(conversation: string): readonly number[] {
    return this.take(conversation, (x) => !x.seen, (x) => ({ ...x, seen: true }));
  }

  /** The same for accepted. */
  accept(conversation: string): readonly number[] {
    return this.take(conversation, (x) => !x.accepted, (x) => ({ ...x, accepted: true, seen: true }));
  }

  /** Entries that the server refused, since they had been taken back before. */
  refused(entries: readonly number[]): void {
    this.save(this.entries.filter((x) => !entries.includes(x.entry)));
  }

  /** How many entries of a conversation nobody has seen on this tab. */
  unseen(conversation: string): number {
    return this.entries.filter((x) => x.conversation === conversation && !x.seen).length;
  }

  /** What was taken back from a conversation, in order. */
  remarks(conversation: string): readonly Remark[] {
    return this.gone.get(conversation) ?? none;
  }

  private take(conversation: string, wanted: (x: Entry) => boolean, as: (x: Entry) => Entry): readonly number[] {
    const found = this.entries.filter((x) => x.conversation === conversation && wanted(x));
    if (found.length > 0) this.save(this.entries.map((x) => (found.includes(x) ? as(x) : x)));
    return found.map((x) => x.entry);
  }

  /** Messages that were taken back together, for one reason, are one remark. */
  private remark(conversation: string, e: StreamEvent): void {
    const list = this.gone.get(conversation) ?? [];
    const last = list.at(-1);
    const text = e.reason ?? "";
    if (last?.text === text && last.at.slice(0, 19) === e.at.slice(0, 19)) return;
    this.gone.set(conversation, [...list, { id: String(e.agent_sequence), at: e.at, text }]);
    this.tell();
  }

  /** Keeps what is not done with: who has both acknowledged needs no memory. */
  private save(entries: readonly Entry[]): void {
    this.entries = entries.filter((x) => !(x.seen && x.accepted));
    try {
      this.keep.setItem(this.key, JSON.stringify(this.entries));
    } catch {
      // Acknowledged again, or not, it does no harm.
    }
    this.tell();
  }

  private tell(): void {
    for (const tell of this.listeners) tell();
  }
}

const none: readonly Remark[] = [];

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const x = value as Record<string, unknown>;
  return typeof x["entry"] === "number" && typeof x["conversation"] === "string" && typeof x["seen"] === "boolean" && typeof x["accepted"] === "boolean";
}
