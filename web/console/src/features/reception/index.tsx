import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useRef, type ReactNode } from "react";
import { useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { calendars } from "./calendars";
import { PublicCalendar } from "./calendar";
import { DeadRules } from "./dead";
import { DocumentEditor, type Editable } from "./editor";
import { extended, extensions } from "./extensions";
import { filters } from "./filters";
import { Section, type SectionName, sectionNames } from "./lists";
import { maintenance } from "./maintenance";
import { titleOf } from "./names";
import { policyQuery, type Policy } from "./queries";
import { schedules } from "./schedules";
import { switches } from "./switches";
import { receptionText } from "./text";
import { sectionText } from "./sections.text";
import "./reception.css";

/** Reception: the settings that decide who receives what, as lists and forms. */
export default function Reception(): ReactNode {
  const t = useWords(receptionText);
  const params: Readonly<Record<string, unknown>> = useParams({ strict: false });
  const section = sectionNames.find((s) => s === params["section"]) ?? "schedules";
  const name = typeof params["name"] === "string" ? params["name"] : undefined;
  const policy = useQuery(policyQuery);
  const nav = useRef<HTMLElement>(null);
  const there = policy.data !== undefined;
  useEffect(() => { // on a phone there are more parts than there is room for
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [section, there]);
  if (policy.data === undefined) return <PageBody title={t.title}>{policy.error ? <ErrorState error={policy.error} onRetry={() => void policy.refetch()} /> : <Loading rows={8} />}</PageBody>;
  if (name !== undefined) return <One key={`${section}/${name}`} section={section} address={name} policy={policy.data} />;
  return (
    <PageBody title={t.title}>
      <nav ref={nav} className="rc-nav" aria-label={t.sectionsLabel}>
        {sectionNames.map((s) => <Link key={s} to="/reception/$section" params={{ section: s }} className={s === section ? "rc-tab active" : "rc-tab"} aria-current={s === section ? "page" : undefined}>{t.sections[s]}</Link>)}
      </nav>
      <DeadRules policy={policy.data} />
      <Section name={section} policy={policy.data} />
    </PageBody>
  );
}

const editables: Readonly<Record<Exclude<SectionName, "extensions">, Editable>> = { schedules, calendars, maintenance, switches, filters };

/** resolve finds what an address names: a document of the section's kind, a new one, or for extensions whose windows they extend. */
function resolve(section: SectionName, address: string): { readonly of: Editable; readonly name: string | undefined } | undefined {
  if (section !== "extensions") return { of: editables[section], name: address === "~new" ? undefined : address };
  const [kind = "", name = ""] = address.split("~");
  const found = extended.find((k) => k === kind);
  return found && name !== "" ? { of: extensions(found), name } : undefined;
}

function One({ section, address, policy }: { readonly section: SectionName; readonly address: string; readonly policy: Policy }): ReactNode {
  const t = useWords(receptionText);
  const s = useWords(sectionText);
  const found = resolve(section, address);
  const there = (kind: string, name: string): boolean => policy.documents.some((d) => d.kind === kind && d.name === name);
  // A switch is on without a document, and the program's calendar is there without one.
  const mayLack = section === "switches" ? switchTarget(policy, address) !== undefined : section === "calendars" && address === PublicCalendar;
  const list = { to: `/reception/${section}`, title: t.sections[section] };
  if (!found || (found.name !== undefined && !there(found.of.kind, found.name) && !mayLack)) {
    return <PageBody title={t.title}><Empty title={t.gone(address)} text={t.goneText}><Link to={list.to}>{t.back(list.title)}</Link></Empty></PageBody>;
  }
  const title = found.name === undefined ? t.add[section]
    : section === "switches" ? (switchTarget(policy, found.name) ?? found.name)
    : found.name === PublicCalendar && !there("calendar", PublicCalendar) ? s.calendar.public : titleOf(policy, found.of.kind, found.name);
  return (
    <PageBody title={<span className="rc-title"><span className="soft">{t.sections[section]}</span> {found.name === undefined ? title : title === s.switch.platform || title === s.calendar.public ? title : <bdi>{title}</bdi>}</span>}
      extra={<Link to={list.to} className="rc-up">{t.back(list.title)}</Link>}>
      <DocumentEditor of={found.of} policy={policy} name={found.name} list={list.to} />
    </PageBody>
  );

  function switchTarget(of: Policy, name: string): string | undefined {
    if (name === "platform") return s.switch.platform;
    const [kind = "", ...rest] = name.split(".");
    const target = rest.join(".");
    return (kind === "inbox" || kind === "account") && of.documents.some((d) => d.kind === kind && d.name === target) ? titleOf(of, kind, target) : undefined;
  }
}
