import { clock } from "@bida/shared/format";
import type { Language } from "@bida/shared/text";
import type { wordsIn } from "@bida/shared/text";
import type { Difference } from "./edit";
import { nameOf } from "./parts";
import type { Alteration, Permission, Permissions } from "./queries";
import type { agentsText } from "./text";

export type Says = ReturnType<typeof wordsIn<(typeof agentsText)["zh"]>>;

/** sourceWords says what decides about a permission. */
export function sourceWords(p: Permission, t: Says, language: Language): string {
  const s = p.source;
  const title = nameOf({ name: s.name ?? "", title: s.title });
  const until = s.until === undefined ? "" : clock(s.until, language);
  const made = s.by === undefined || s.since === undefined || s.revision === undefined ? ""
    : t.by(s.by === "system" ? t.system : nameOf({ name: s.by, title: s.by_title }), clock(s.since, language), s.revision);
  const ends = until !== "" && s.kind !== "expired" ? t.sourceUntil(until) : "";
  const because = s.kind === "role" ? t.sources.role(title)
    : s.kind === "expired" ? t.sources.expired(until)
    : s.kind === "template" ? t.sources.template(title, nameOf({ name: s.template ?? "", title: s.template_title }))
    : s.kind === "parent" ? t.sources.parent(title)
    : t.sources[s.kind];
  return [because, ends, made].filter((x) => x !== "").join(" · ");
}

/** differenceWords says one change as somebody made it. */
export function differenceWords(d: Difference, permissions: Permissions, t: Says, language: Language): string {
  switch (d.about) {
    case "role": {
      const role = nameOf(permissions.roles.find((r) => r.name === d.role) ?? { name: d.role });
      return d.held ? t.setRole(role) : t.dropRole(role);
    }
    case "permission": {
      const title = permissions.blocks.flatMap((b) => b.permissions).find((p) => p.name === d.permission)?.title ?? d.permission;
      const until = d.after.until === undefined ? "" : ` (${t.sourceUntil(clock(d.after.until, language))})`;
      return t.setChoice(title, t.choice[d.after.choice]) + until;
    }
    case "field":
      return t.setField(Object.entries(t.fields).find(([field]) => field === d.field)?.[1] ?? d.field);
  }
}

/** told are those who will have a notice of a change: everybody whose reception it alters, and their leads; each once. */
export function told(alterations: readonly Alteration[]): readonly string[] {
  const people = new Map<string, string>();
  for (const a of alterations) {
    if (!a.gone) people.set(a.account, nameOf({ name: a.account, title: a.title }));
    for (const lead of a.leads) people.set(lead.name, nameOf(lead));
  }
  return [...people.values()];
}
