import type { ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { ago, exact, kindTitle, span } from "@bida/shared/format";
import type { Language } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { Outcome } from "../../ui/outcome";
import { clientsText } from "./clients.text";
import type { Report } from "./queries";

type Client = Schemas["DiagnosisClient"];
type SelfReport = Schemas["Report"];
type Words = ReturnType<typeof useWords<(typeof clientsText)["zh"]>>;

const farOff = 2 * 60_000; // ms, from where on a clock is worth a word
const manyReconnects = 5;

/** Clients shows what each of the agent's clients told of itself, and how old that is. */
export function Clients({ report }: { readonly report: Report }): ReactNode {
  const t = useWords(clientsText);
  return (
    <section className="card clients" aria-labelledby="diagnosis-clients">
      <h3 id="diagnosis-clients">{t.title}</h3>
      {report.clients.length === 0 ? <p className="soft">{t.none}</p> : <ul>{report.clients.map((c) => <ClientItem key={c.connection} client={c} report={report} />)}</ul>}
    </section>
  );
}

function ClientItem({ client: c, report }: { readonly client: Client; readonly report: Report }): ReactNode {
  const t = useWords(clientsText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const told = c.report as SelfReport | null;
  const at = c.reported_at ?? c.visible_at;
  const unknown = c.code === "client.notify.unreported";
  const facts = told === null ? [] : saidBy(told, t, language, (inbox) => report.titles[`inbox/${inbox}`] ?? inbox);
  if (c.visible !== null) facts.unshift(c.visible ? t.visible : t.hidden);
  return (
    <li>
      <h4><Outcome outcome={unknown ? "unknown" : "pass"}><bdi>{c.client === "" ? t.unnamed : c.client}</bdi></Outcome>{c.code !== "" && <span className="client-warns">{reasonTitle(reasonOf(c.code), c.code, language)}</span>}</h4>
      {told === null && <p className="soft">{unknown ? t.notReported : t.quiet}</p>}
      {facts.length > 0 && <p>{facts.join(" · ")}</p>}
      {at !== null && <p className="soft numbers"><time dateTime={at} title={exact(at)}>{t.reported(ago(at, language, new Date(report.at)))}</time></p>}
    </li>
  );
}

/** saidBy puts a report into words; of what is as it should be it says little. */
export function saidBy(r: SelfReport, t: Words, language: Language, inboxTitle: (inbox: string) => string): string[] {
  const of = (words: Readonly<Record<string, string>>, value: string | undefined): string | undefined => (value === undefined ? undefined : words[value] ?? value);
  const offset = r.clock_offset_ms ?? 0;
  const said = [
    r.browser, of(t.mode, r.mode), of(t.notifications, r.notifications), r.secure === undefined ? undefined : r.secure ? t.secure : t.insecure, of(t.sound, r.sound),
    r.muted === true ? t.muted : undefined, of(t.storage, r.storage), r.filter && listed(r.filter, t, language, inboxTitle),
    (r.reconnects ?? 0) >= manyReconnects ? t.reconnects(r.reconnects ?? 0) : undefined, (r.gaps ?? 0) > 0 ? t.gaps(r.gaps ?? 0) : undefined,
    offset > farOff ? t.ahead(span(offset, language)) : offset < -farOff ? t.behind(span(-offset, language)) : undefined,
  ];
  return said.filter((x) => x !== undefined && x !== "") as string[];
}

function listed(f: Schemas["ListFilter"], t: Words, language: Language, inboxTitle: (inbox: string) => string): string | undefined {
  if (f.tab === "none") return t.noList;
  const tabs: Readonly<Record<string, string>> = t.tab;
  const parts = [
    f.tab === undefined ? undefined : tabs[f.tab] ?? f.tab, f.inbox === undefined ? undefined : inboxTitle(f.inbox), f.kind === undefined ? undefined : kindTitle(f.kind, language),
    f.unread === true ? t.unread : undefined, f.search === true ? t.search : undefined,
  ].filter((x) => x !== undefined);
  return parts.length === 0 ? undefined : t.list(parts.join(t.and));
}
