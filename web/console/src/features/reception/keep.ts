import type { Spec } from "../agents/edit";

/** An edit that is not saved: what it began from, and what it says. */
export interface Edit {
  readonly base: Spec;
  /** At which the document, or for a new one the whole policy, was read. */
  readonly revision: number;
  readonly draft: Spec;
  /** Of a new document, as far as it has one. */
  readonly name?: string;
}

const keyOf = (account: string, kind: string, name: string): string => `bida.edit.${account}.${kind}.${name}`;

function isEdit(value: unknown): value is Edit {
  if (typeof value !== "object" || value === null) return false;
  const e = value as Record<string, unknown>;
  return typeof e["base"] === "object" && e["base"] !== null && typeof e["draft"] === "object" && e["draft"] !== null && typeof e["revision"] === "number";
}

/** Edits outlive the page, a reload and a new sign-in in the same tab. */
export class Edits {
  constructor(private readonly keep: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  read(account: string, kind: string, name: string): Edit | undefined {
    try {
      const value: unknown = JSON.parse(this.keep.getItem(keyOf(account, kind, name)) ?? "null");
      return isEdit(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  write(account: string, kind: string, name: string, edit: Edit | undefined): void {
    try {
      if (edit === undefined) this.keep.removeItem(keyOf(account, kind, name));
      else this.keep.setItem(keyOf(account, kind, name), JSON.stringify(edit));
    } catch {
      // A browser that keeps nothing: it holds until the page is left.
    }
  }
}
