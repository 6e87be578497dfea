// What the visitor has written and the server has not confirmed. It is kept in the browser, so that a reload, a closed tab or a day without network loses
// nothing; every entry has the id under which the server takes it once, however often it is sent and from however many tabs.

import type { Keep } from "./keep";
import { members, text } from "./wire";

/** A file on its way. */
export interface Part {
  key: string;
  name: string;
  type: string;
  size: number;
  /** The server's id of it, once it is there. */
  upload: string;
  /** Why it cannot be sent, in words. */
  refused: string;
}

export interface Entry {
  id: string;
  text: string;
  parts: Part[];
  at: number;
  /** Why the server will not have it, in words; such an entry waits for the visitor. */
  refused: string;
}

const key = "outbox";

export class Outbox {
  constructor(private readonly keep: Keep) {}

  /** The entries, oldest first. It is read anew each time, because other tabs write it too. */
  get entries(): Entry[] {
    const kept = this.keep.json(key);
    return Array.isArray(kept) ? kept.map(entry).filter((e) => e.id !== "") : [];
  }

  add(e: Entry): void {
    this.write([...this.entries, e]);
  }

  change(id: string, how: (e: Entry) => Entry): void {
    this.write(this.entries.map((e) => (e.id === id ? how(e) : e)));
  }

  remove(id: string): void {
    const entries = this.entries;
    if (entries.some((e) => e.id === id)) this.write(entries.filter((e) => e.id !== id));
  }

  private write(entries: Entry[]): void {
    this.keep.set(key, entries.length ? JSON.stringify(entries) : "");
  }
}

export function part(value: unknown): Part {
  const m = members(value);
  return { key: text(m.key), name: text(m.name), type: text(m.type), size: Number(m.size) || 0, upload: text(m.upload), refused: text(m.refused) };
}

function entry(value: unknown): Entry {
  const m = members(value);
  const parts = Array.isArray(m.parts) ? m.parts.map(part) : [];
  return { id: text(m.id), text: text(m.text), parts, at: Number(m.at) || Date.now(), refused: text(m.refused) };
}

/** newID makes an id that nobody else makes. crypto.randomUUID is missing on plain http. */
export function newID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
