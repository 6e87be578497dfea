import { Button, Select } from "antd";
import { CalendarOutlined, ClockCircleOutlined, FilterOutlined, PlusOutlined, ToolOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { Bench } from "../filters/bench";
import { filtersQuery } from "../filters/queries";
import { filtersText } from "../filters/text";
import { linesOf, PublicCalendar, unannounced } from "./calendar";
import { useBuiltin, yearsOf } from "./calendars";
import { ReadOnly } from "./editor";
import { allExtensions, extended, stateOf as phaseOfExtension } from "./extensions";
import { phaseOf } from "./maintenance";
import { choicesOf, titleOf, usersOf } from "./names";
import type { Document, Policy } from "./queries";
import { sectionText } from "./sections.text";
import { stateOf } from "./switches";
import { receptionText } from "./text";
import { days, hoursOf, piecesOf, weekOf } from "./weekly";

export const sectionNames = ["schedules", "calendars", "extensions", "maintenance", "switches", "filters"] as const;
export type SectionName = (typeof sectionNames)[number];

/** Section lists what there is of one part of the settings. */
export function Section({ name, policy }: { readonly name: SectionName; readonly policy: Policy }): ReactNode {
  const mayEdit = useMay("policy.edit");
  const List = lists[name];
  return <>{!mayEdit && <ReadOnly policy={policy} />}<List policy={policy} /></>;
}

interface ListProps {
  readonly policy: Policy;
}

const lists: Readonly<Record<SectionName, (props: ListProps) => ReactNode>> = {
  schedules: Schedules, calendars: Calendars, extensions: Extensions, maintenance: Maintenances, switches: Switches, filters: Filters,
};

function Lead({ section, text }: { readonly section: SectionName; readonly text: string }): ReactNode {
  const t = useWords(receptionText);
  const navigate = useNavigate();
  const mayEdit = useMay("policy.edit");
  return (
    <div className="rc-lead">
      <p className="soft">{text}</p>
      {mayEdit && <Button icon={<PlusOutlined />} onClick={() => void navigate({ to: `/reception/${section}/~new` })}>{t.add[section]}</Button>}
    </div>
  );
}

interface RowProps {
  readonly section: SectionName;
  readonly address: string;
  readonly title: ReactNode;
  readonly children?: ReactNode;
  readonly aside?: ReactNode;
}

function Row({ section, address, title, children, aside }: RowProps): ReactNode {
  return (
    <li className="rc-row">
      <div className="rc-row-main"><Link to="/reception/$section/$name" params={{ section, name: address }}>{title}</Link>{children}</div>
      {aside !== undefined && <div className="rc-row-aside">{aside}</div>}
    </li>
  );
}

/** useUsed says who follows a schedule or calendar. */
function useUsed(policy: Policy): (kind: "schedule" | "calendar", name: string) => ReactNode {
  const t = useWords(receptionText);
  const s = useWords(sectionText).schedule;
  return (kind, name) => {
    const users = usersOf(policy, kind, name);
    return <span className="soft">{users.length === 0 ? s.unused : <bdi>{s.usedBy(t.list(users.slice(0, 6).map(([k, n]) => titleOf(policy, k, n))) + (users.length > 6 ? " …" : ""))}</bdi>}</span>;
  };
}

const of = (policy: Policy, kind: string): readonly Document[] => policy.documents.filter((d) => d.kind === kind);

function Schedules({ policy }: ListProps): ReactNode {
  const s = useWords(sectionText).schedule;
  const used = useUsed(policy);
  const all = of(policy, "schedule");
  return (
    <>
      <Lead section="schedules" text={s.lead} />
      {all.length === 0 ? <Empty icon={<ClockCircleOutlined />} title={s.empty} text={s.emptyText} /> : (
        <ul className="card rc-list">
          {all.map((d) => {
            const week = weekOf(d.spec["weekly"]);
            const hours = hoursOf(week);
            return (
              <Row key={d.name} section="schedules" address={d.name} title={<bdi>{titleOf(policy, "schedule", d.name)}</bdi>} aside={<Miniature week={week} />}>
                <span className="soft numbers"><bdi>{typeof d.spec["zone"] === "string" ? d.spec["zone"] : ""}</bdi> · {hours === 0 ? s.never : s.hours(Math.round(hours * 10) / 10)}</span>
                {used("schedule", d.name)}
              </Row>
            );
          })}
        </ul>
      )}
    </>
  );
}

/** Miniature is the week as seven narrow bars. */
function Miniature({ week }: { readonly week: ReturnType<typeof weekOf> }): ReactNode {
  return (
    <div className="rc-mini" aria-hidden="true">
      {days.map((d) => <div key={d}>{piecesOf(week, d).map((p) => <i key={`${p.from} ${p.rest}`} style={{ insetInlineStart: `${(p.from / 1440) * 100}%`, inlineSize: `${((p.to - p.from) / 1440) * 100}%` }} />)}</div>)}
    </div>
  );
}

function Calendars({ policy }: ListProps): ReactNode {
  const t = useWords(receptionText);
  const c = useWords(sectionText).calendar;
  const used = useUsed(policy);
  const builtin = useBuiltin(policy, true);
  const own = of(policy, "calendar");
  const names = [...new Set([PublicCalendar, ...own.map((d) => d.name)])];
  return (
    <>
      <Lead section="calendars" text={c.lead} />
      <ul className="card rc-list">
        {names.map((name) => {
          const document = own.find((d) => d.name === name);
          const years = { ...(name === PublicCalendar ? builtin : {}), ...yearsOf(document?.spec) };
          const known = Object.keys(years).sort();
          const missing = unannounced(known, new Date());
          const year = linesOf(years[known.at(-1) ?? ""]);
          const total = (type: "off" | "work"): number => year.filter((l) => l.type === type).flatMap((l) => l.days).length;
          return (
            <Row key={name} section="calendars" address={name} title={document ? <bdi>{titleOf(policy, "calendar", name)}</bdi> : c.public}
              aside={missing.length > 0 && (document !== undefined || name === PublicCalendar) ? <span className="rc-mark" data-tone="wait">{t.list(missing)} ?</span> : undefined}>
              <span className="soft numbers">{known.slice(-4).join(" · ")}{known.length > 0 && ` · ${c.count(total("off"), total("work"))}`}</span>
              {missing.length > 0 && <span className="soft">{c.missing(t.list(missing))}</span>}
              {used("calendar", name)}
            </Row>
          );
        })}
      </ul>
    </>
  );
}

function Extensions({ policy }: ListProps): ReactNode {
  const t = useWords(receptionText);
  const x = useWords(sectionText).extension;
  const language = useLanguage();
  const navigate = useNavigate();
  const mayEdit = useMay("policy.edit");
  const all = allExtensions(policy);
  const agents = (name: string): boolean => of(policy, "account").some((d) => d.name === name && d.spec["agent"] === true);
  const options = extended.map((kind) => ({ label: x.kinds[kind], options: choicesOf(policy, kind).filter((c) => kind !== "account" || agents(c.value)).map((c) => ({ value: `${kind}~${c.value}`, label: c.label })) }));
  const now = new Date();
  return (
    <>
      <div className="rc-lead">
        <p className="soft">{x.lead}</p>
        {mayEdit && <Select aria-label={x.pick} placeholder={x.pick} options={options} value={null} showSearch optionFilterProp="label" popupMatchSelectWidth={false} className="rc-pick" optionRender={(o) => <bdi>{o.label}</bdi>}
          onChange={(to: string | null) => to !== null && void navigate({ to: `/reception/extensions/${to}` })} />}
      </div>
      {all.length === 0 ? <Empty icon={<ClockCircleOutlined />} title={x.empty} text={x.emptyText} /> : (
        <ul className="card rc-list">
          {all.map(({ kind, name, extension: e }, i) => (
            <Row key={i} section="extensions" address={`${kind}~${name}`} title={<bdi>{titleOf(policy, kind, name)}</bdi>} aside={<Phase of={phaseOfExtension(e, now)} words={x.states} />}>
              <span className="soft numbers">{t.span(e.from === undefined ? x.atOnce : clock(e.from, language), e.until === undefined ? "" : clock(e.until, language))}</span>
              {e.reason !== undefined && <bdi className="soft">{e.reason}</bdi>}
            </Row>
          ))}
        </ul>
      )}
    </>
  );
}

function Phase<P extends string>({ of, words }: { readonly of: P; readonly words: Readonly<Record<P, string>> }): ReactNode {
  return <span className="rc-mark" data-tone={of === "now" ? "wait" : "quiet"}>{words[of]}</span>;
}

function Maintenances({ policy }: ListProps): ReactNode {
  const t = useWords(receptionText);
  const m = useWords(sectionText).maintenance;
  const language = useLanguage();
  const all = of(policy, "maintenance");
  const now = new Date();
  const at = (x: unknown): string => (typeof x === "string" ? clock(x, language) : "");
  return (
    <>
      <Lead section="maintenance" text={m.lead} />
      {all.length === 0 ? <Empty icon={<ToolOutlined />} title={m.empty} text={m.emptyText} /> : (
        <ul className="card rc-list">
          {all.map((d) => {
            const a = typeof d.spec["announcement"] === "object" && d.spec["announcement"] !== null ? (d.spec["announcement"] as Readonly<Record<string, unknown>>) : undefined;
            const window = d.spec["from"] !== undefined;
            return (
              <Row key={d.name} section="maintenance" address={d.name} title={<bdi>{titleOf(policy, "maintenance", d.name)}</bdi>} aside={<Phase of={phaseOf(d.spec, now)} words={m.states} />}>
                <span className="soft numbers">{window ? t.span(at(d.spec["from"]), at(d.spec["until"])) : `${m.states.announcement} · ${t.until_(at(a?.["until"]))}`}</span>
                {a && <bdi className="soft">{String((language === "zh" ? a["zh"] ?? a["en"] : a["en"] ?? a["zh"]))}</bdi>}
              </Row>
            );
          })}
        </ul>
      )}
    </>
  );
}

function Switches({ policy }: ListProps): ReactNode {
  const t = useWords(receptionText);
  const w = useWords(sectionText).switch;
  const language = useLanguage();
  const navigate = useNavigate();
  const mayEdit = useMay("policy.edit");
  const set = of(policy, "switch");
  const row = (address: string, title: ReactNode): ReactNode => {
    const spec = set.find((d) => d.name === address)?.spec;
    const state = stateOf(spec);
    const until = typeof spec?.["until"] === "string" ? t.until_(clock(spec["until"], language)) : "";
    const limit = state === "limited" && typeof spec?.["per_minute"] === "number" ? w.perMinuteIs(spec["per_minute"]) : "";
    return (
      <Row key={address} section="switches" address={address} title={title} aside={<span className="rc-mark" data-tone={state === "on" ? "pass" : state === "off" ? "block" : "wait"}>{w.states[state]}</span>}>
        {(limit !== "" || until !== "") && <span className="soft numbers">{[limit, until].filter((x) => x !== "").join(" · ")}</span>}
        {typeof spec?.["reason"] === "string" && <bdi className="soft">{spec["reason"]}</bdi>}
      </Row>
    );
  };
  const accounts = set.filter((d) => d.name.startsWith("account.")).map((d) => d.name.slice("account.".length));
  return (
    <>
      <div className="rc-lead">
        <p className="soft">{w.lead}</p>
        {mayEdit && <Select aria-label={w.pick} placeholder={w.pick} options={choicesOf(policy, "account").map((c) => ({ ...c }))} value={null} showSearch optionFilterProp="label" popupMatchSelectWidth={false} className="rc-pick" optionRender={(o) => <bdi>{o.label}</bdi>}
          onChange={(to: string | null) => to !== null && void navigate({ to: `/reception/switches/account.${to}` })} />}
      </div>
      <ul className="card rc-list">
        {row("platform", w.platform)}
        {of(policy, "inbox").map((d) => row(`inbox.${d.name}`, <bdi>{titleOf(policy, "inbox", d.name)}</bdi>))}
        {accounts.map((name) => row(`account.${name}`, <bdi>{titleOf(policy, "account", name)}</bdi>))}
      </ul>
    </>
  );
}

const shownDeleted = 5;

function Filters(): ReactNode {
  const f = useWords(sectionText).filter;
  const t = useWords(filtersText);
  const language = useLanguage();
  const rules = useQuery(filtersQuery);
  const [all, showAll] = useState(false);
  if (rules.data === undefined) return rules.error ? <ErrorState error={rules.error} onRetry={() => void rules.refetch()} /> : <Loading />;
  const gone = rules.data.filters.filter((r) => r.gone === true);
  const shown = [...rules.data.filters.filter((r) => r.gone !== true), ...(all ? gone : gone.slice(0, shownDeleted))];
  return (
    <>
      <Lead section="filters" text={f.lead} />
      {shown.length === 0 ? <Empty icon={<FilterOutlined />} title={f.empty} text={f.emptyText} /> : (
        <ul className="card rc-list">
          {shown.map((r) => {
            const says = <span className="soft numbers">{f.hits(r.hits.day, r.hits.week, r.hits.total)}{r.hits.last !== undefined && ` · ${clock(r.hits.last, language)}`}</span>;
            if (r.gone === true) return <li key={r.name} className="rc-row"><div className="rc-row-main"><bdi>{r.name}</bdi>{says}</div><div className="rc-row-aside"><span className="rc-mark" data-tone="quiet">{t.deleted}</span></div></li>;
            return (
              <Row key={r.name} section="filters" address={r.name} title={<bdi>{r.title ?? r.name}</bdi>}
                aside={<><span className="soft numbers" title={f.order}>{r.order}</span> <span className="rc-mark" data-tone={r.enabled ? (r.action === "allow" ? "pass" : r.action === "tag" ? "quiet" : "wait") : "quiet"}>{r.enabled ? t.actions[r.action] : t.off}</span></>}>
                {says}
              </Row>
            );
          })}
          {gone.length > shownDeleted && !all && <li className="rc-row"><Button type="link" onClick={() => showAll(true)}><CalendarOutlined aria-hidden="true" /> {t.more}</Button></li>}
        </ul>
      )}
      <Bench />
    </>
  );
}
