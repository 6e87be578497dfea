import { PublicCalendar } from "./calendar";
import type { Alteration, Policy } from "./queries";

/** titleOf is what people call a document: its title, else its name. */
export function titleOf(policy: Policy, kind: string, name: string): string {
  const title = policy.documents.find((d) => d.kind === kind && d.name === name)?.spec["title"];
  return typeof title === "string" && title.trim() !== "" ? title : name;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** choicesOf lists the documents of a kind for a field that names one of them. */
export function choicesOf(policy: Policy, kind: string): readonly Choice[] {
  const own = policy.documents.filter((d) => d.kind === kind).map((d) => ({ value: d.name, label: titleOf(policy, kind, d.name) }));
  return kind === "calendar" && !own.some((c) => c.value === PublicCalendar) ? [{ value: PublicCalendar, label: PublicCalendar }, ...own] : own;
}

/** kindsOf lists the kinds of messages that some inbox produces and customers send. */
export function kindsOf(policy: Policy): readonly string[] {
  const all = policy.documents.filter((d) => d.kind === "inbox").flatMap((d) => (Array.isArray(d.spec["kinds"]) ? (d.spec["kinds"] as unknown[]) : []));
  const own = ["internal", "system", "auto_reply"];
  return [...new Set(["customer", "group", ...all.filter((k) => typeof k === "string")])].filter((k) => !own.includes(k));
}

/** usersOf lists who follows a schedule or calendar: [kind, name] of the documents that name it. */
export function usersOf(policy: Policy, kind: "schedule" | "calendar", name: string): readonly (readonly [kind: string, name: string])[] {
  const names = (value: unknown): boolean => value === name || (Array.isArray(value) && value.includes(name));
  const fields = kind === "calendar" ? ["calendar"] : ["windows", "hours"];
  return policy.documents.filter((d) => fields.some((f) => names(d.spec[f]))).map((d) => [d.kind, d.name] as const);
}

/** grantorsOf lists the accounts, by title, that can give somebody a right: those who are active and may edit the policy. */
export function grantorsOf(policy: Policy): readonly string[] {
  const gives = (role: string): boolean => {
    if (role === "admin") return true;
    const spec = policy.documents.find((d) => d.kind === "role" && d.name === role)?.spec;
    const listed = spec?.["permissions"];
    if (Array.isArray(listed)) return listed.includes("policy.edit");
    return spec?.["template"] === "admin" || spec?.["template"] === "permission-admin";
  };
  return policy.documents
    .filter((d) => d.kind === "account" && (d.spec["state"] ?? "active") === "active" && Array.isArray(d.spec["roles"]) && d.spec["roles"].some((r) => typeof r === "string" && gives(r)))
    .map((d) => titleOf(policy, "account", d.name));
}

/** told are those who will have a notice of a change: everybody whose reception it alters, and their leads; each once. */
export function told(alterations: readonly Alteration[]): readonly string[] {
  const called = (n: { readonly name: string; readonly title?: string | undefined }): string => (n.title !== undefined && n.title.trim() !== "" ? n.title : n.name);
  const people = alterations.flatMap((a) => [...(a.gone ? [] : [{ name: a.account, title: a.title }]), ...a.leads]);
  return [...new Map(people.map((p) => [p.name, called(p)])).values()];
}
