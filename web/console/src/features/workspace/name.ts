import type { Conversation } from "./queries";

/** nameOf is what a customer is called: by name or, where none is known, by the end of the id. */
export function nameOf(c: Pick<Conversation, "contact" | "contact_name">, t: { readonly noName: (contact: string) => string }): string {
  const name = c.contact_name?.trim() ?? "";
  if (name !== "") return name;
  return t.noName(c.contact.length > 12 ? `…${c.contact.slice(-8)}` : c.contact);
}
