import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useLanguage, useWords } from "../../app/words";
import { extended } from "./extensions";
import type { SectionName } from "./lists";
import { titleOf } from "./names";
import { deadRulesQuery, type Policy } from "./queries";
import { receptionText } from "./text";

const sections: Readonly<Record<string, SectionName>> = { schedule: "schedules", calendar: "calendars", maintenance: "maintenance", switch: "switches", filter: "filters" };

/** DeadRules tells what in the settings has no effect, or was probably forgotten; nothing where there is no such thing. */
export function DeadRules({ policy }: { readonly policy: Policy }): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  const rules = useQuery(deadRulesQuery(language)).data?.rules ?? [];
  if (rules.length === 0) return null;
  return (
    <details className="rc-dead">
      <summary>{t.dead(rules.length)}</summary>
      <p className="soft">{t.deadText}</p>
      <ul className="rc-lines">
        {rules.map((r) => <li key={`${r.kind}/${r.name}${r.path}${r.why}`}>{nameOf(r.kind, r.name, r.path)}{t.colon}{r.message}</li>)}
      </ul>
    </details>
  );

  function nameOf(kind: string, name: string, path: string): ReactNode {
    const title = <bdi>{kind === "switch" ? switchName(name) : titleOf(policy, kind, name)}</bdi>;
    const section = sections[kind];
    if (section) return <Link to="/reception/$section/$name" params={{ section, name }}>{title}</Link>;
    if (path.startsWith("/spec/extensions") && extended.some((k) => k === kind)) return <Link to="/reception/$section/$name" params={{ section: "extensions", name: `${kind}~${name}` }}>{title}</Link>;
    return kind === "account" ? <Link to="/agents/$name" params={{ name }}>{title}</Link> : title;
  }

  function switchName(name: string): string {
    const [kind = "", ...rest] = name.split(".");
    return rest.length === 0 ? t.sections.switches : titleOf(policy, kind, rest.join("."));
  }
}
