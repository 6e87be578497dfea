/** What the person has closed stays closed in this tab, until it says something else. */
export class Closed {
  private readonly key = "bida.announcements.closed";
  private readonly keep: Pick<Storage, "getItem" | "setItem">;

  constructor(keep: Pick<Storage, "getItem" | "setItem">) {
    this.keep = keep;
  }

  has(id: string): boolean {
    return this.list().includes(id);
  }

  add(id: string): void {
    this.keep.setItem(this.key, JSON.stringify([...this.list().filter((x) => x !== id), id].slice(-50)));
  }

  private list(): readonly string[] {
    try {
      const read: unknown = JSON.parse(this.keep.getItem(this.key) ?? "[]");
      return Array.isArray(read) ? read.filter((x) => typeof x === "string") : [];
    } catch {
      return [];
    }
  }
}

/** idOf tells an announcement from another one of the same document. */
export function idOf(a: { readonly name: string; readonly text: string; readonly until: string }): string {
  return `${a.name} ${a.until} ${a.text}`;
}
