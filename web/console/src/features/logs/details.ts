/** What the details of an operation are put into words with. */
export interface DetailWords {
  readonly documents: Readonly<Record<string, string>>;
  readonly changes: Readonly<Record<string, string>>;
  readonly details: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
  readonly change: (what: string, name: string, how: string) => string;
  readonly detail: (what: string, value: string) => string;
  readonly list: (parts: readonly string[]) => string;
}

/** detailsOf says what an operation changed: documents with what was done to them, or values by name. What has no word is shown by its name. */
export function detailsOf(details: unknown, t: DetailWords): string {
  if (Array.isArray(details)) return t.list(details.map((d) => changeOf(d, t)).filter((d) => d !== ""));
  if (typeof details !== "object" || details === null) return "";
  return t.list(Object.entries(details).map(([name, value]) => t.detail(t.details[name] ?? name, typeof value === "string" ? (t.values[value] ?? value) : JSON.stringify(value))));
}

function changeOf(change: unknown, t: DetailWords): string {
  const { kind, name, action } = (change ?? {}) as { readonly kind?: unknown; readonly name?: unknown; readonly action?: unknown };
  if (typeof kind !== "string" || typeof name !== "string" || typeof action !== "string") return "";
  return t.change(t.documents[kind] ?? kind, name, t.changes[action] ?? action);
}
