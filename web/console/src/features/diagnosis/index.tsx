import { App, Button, Segmented, Select, Space, Tag } from "antd";
import { CopyOutlined, LinkOutlined, MedicineBoxOutlined, OrderedListOutlined, ReloadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useMay, useMe } from "../../app/me";
import { part } from "../../app/part";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, type OutcomeName } from "../../ui/outcome";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, Stale } from "../../ui/states";
import { SelfCheckOf } from "../selfcheck/agent";
import { AskForHelp } from "../help/ask";
import { helpQuery } from "../help/queries";
import { askText } from "../help/ask.text";
import { PatternsSection } from "./patterns.section";
import { QuestionChoice } from "./place.choice";
import { reportQuery, useAgents, type Question, type Report } from "./queries";
import { AsRole } from "./suppose";
import { supposeText } from "./suppose.text";
import { diagnosisText } from "./text";
import "./diagnosis.css";

const When = part(() => import("./when"), { waiting: <span className="diagnosis-when" /> });
const HelpView = part(() => import("../help"));
const TimelineSection = part(() => import("./timeline"));
const Body = part(() => import("./body"));
const Repaired = part(() => import("../help/repaired"), { waiting: null });

const outcomeOf: Readonly<Record<string, OutcomeName>> = { receiving: "pass", partial: "block", blocked: "block", waiting: "wait", no_traffic: "pass", unknown: "unknown" };

/** The diagnosis page: the answer first, then the reason, then the proof, as on the check-list on the wall. */
export default function DiagnosisPage(): ReactNode {
  const t = useWords(diagnosisText);
  const language = useLanguage();
  const me = useMe();
  const [p, setParameters] = useParameters();
  const others = useMay("diagnosis.view");
  const agent = p["agent"] ?? (others ? "" : (me?.account ?? ""));
  const question = useMemo<Question>(() => {
    const of = (name: string) => (p[name] === undefined ? {} : { [name]: p[name] });
    const excess = p["about"] === "excess" && agent !== "";
    return { agent, ...of("inbox"), ...of("kind"), ...of("message"), ...of("at"), ...(p["message"] === undefined && !excess ? of("as") : {}), ...(excess ? { excess } : {}) };
  }, [agent, p]);
  const helping = p["view"] === "help";
  const report = useQuery({ ...reportQuery(question, language), ...(helping ? { enabled: false } : {}) });
  if (helping) return <PageBody title={t.title} extra={<Views shown="help" />}><HelpView /></PageBody>;
  return (
    <PageBody title={t.title} extra={<><Views shown="diagnosis" /><Stale at={report.dataUpdatedAt} after={40_000} /></>}>
      <Filters question={question} report={report.data} onChange={setParameters} />
      {agent === "" && question.message === undefined ? <><Empty icon={<MedicineBoxOutlined />} title={t.first} text={t.firstText} /><PatternsSection agent="" inbox={question.inbox} kind={question.kind} at={question.at} /></>
        : report.isPending ? <div className="card"><Loading rows={10} /></div>
          : report.data === undefined ? <ErrorState error={report.error} onRetry={() => void report.refetch()} />
            : (
              <ReportView report={report.data} question={question} busy={report.isFetching} repair={p["repair"]} request={p["help"]} askAtOnce={p["ask"] === "1"} onAgain={(repair) => {
                if (repair !== undefined) setParameters({ repair });
                void report.refetch();
              }} />
            )}
    </PageBody>
  );
}

interface FilterProps {
  readonly question: Question;
  readonly report: Report | undefined;
  readonly onChange: (change: Readonly<Record<string, string | undefined>>) => void;
}

function Filters({ question, report, onChange }: FilterProps): ReactNode {
  const t = useWords(diagnosisText);
  const language = useLanguage();
  const me = useMe();
  const accounts = useAgents();
  const agents = useMemo(() => {
    const list = (accounts ?? []).filter((a) => a.agent || a.name === question.agent).map((a) => ({ value: a.name, label: a.title === undefined ? a.name : `${a.title} (${a.name})` }));
    if (list.length === 0 && me) list.push({ value: me.account, label: `${t.me} · ${me.title ?? me.account}` });
    if (question.agent !== "" && !list.some((a) => a.value === question.agent)) list.push({ value: question.agent, label: question.agent });
    return list;
  }, [accounts, me, question.agent, t]);
  // Which inboxes and kinds there are is known from the report that is shown, and from what is chosen.
  const cells = (report?.checks ?? []).flatMap((c) => c.scope);
  const names = (all: readonly string[], chosen: string | undefined) => [...new Set([...all, ...(chosen === undefined ? [] : [chosen])])].sort();
  const inboxes = names(cells.map((c) => c.inbox).filter((x) => x !== ""), question.inbox);
  const kinds = names(cells.map((c) => c.kind).filter((x) => x !== ""), question.kind);
  const option = (value: string, label: string) => ({ value, label });
  return (
    <div className="diagnosis-filters" role="search">
      <Select className="diagnosis-agent" showSearch={{ optionFilterProp: "label" }} aria-label={t.agent} placeholder={t.chooseAgent} options={agents}
        {...(question.agent === "" ? {} : { value: question.agent })} onChange={(v: string) => onChange({ agent: v, inbox: undefined, kind: undefined, message: undefined, as: undefined })} />
      <Select aria-label={t.inbox} value={question.inbox ?? ""} onChange={(v: string) => onChange({ inbox: v })}
        options={[option("", `${t.inbox}: ${t.all}`), ...inboxes.map((i) => option(i, report?.titles[`inbox/${i}`] ?? i))]} />
      <Select aria-label={t.kind} value={question.kind ?? ""} onChange={(v: string) => onChange({ kind: v })}
        options={[option("", `${t.kind}: ${t.all}`), ...kinds.map((k) => option(k, kindTitle(k, language)))]} />
      <When label={t.at} placeholder={t.now} at={question.at} onChange={(at) => onChange({ at })} />
      {question.agent !== "" && <QuestionChoice excess={question.excess === true} onChange={(excess) => onChange({ about: excess ? "excess" : undefined, as: undefined })} />}
      {question.message === undefined && question.excess !== true && <AsRole agent={question.agent} role={question.as} onChange={(role) => onChange({ as: role })} />}
      {question.message !== undefined && <Tag closable={{ closeIcon: true, "aria-label": t.clearMessage }} onClose={() => onChange({ message: undefined })}>{t.aboutMessage(question.message)}</Tag>}
    </div>
  );
}

interface ReportProps {
  readonly report: Report;
  readonly question: Question;
  readonly busy: boolean;
  readonly onAgain: (repair?: string) => void;
  /** The repair that was made last. */
  readonly repair: string | undefined;
  /** The request for help that is being answered. */
  readonly request: string | undefined;
  readonly askAtOnce: boolean;
}

/** Views leads from the diagnosis to the requests for help, and back. */
function Views({ shown }: { readonly shown: "diagnosis" | "help" }): ReactNode {
  const t = useWords(askText);
  const language = useLanguage();
  const [, change] = useParameters();
  const open = useQuery(helpQuery("active", false, language)).data?.open ?? 0;
  return <Segmented<"diagnosis" | "help"> aria-label={t.views} value={shown} onChange={(view) => change({ view: view === "help" ? view : undefined, request: undefined, state: undefined, mine: undefined })}
    options={[{ value: "diagnosis", label: t.diagnosis }, { value: "help", label: t.tab(open) }]} />;
}

function ReportView({ report, question, busy, onAgain, repair, request, askAtOnce }: ReportProps): ReactNode {
  const t = useWords(diagnosisText);
  const supposing = useWords(supposeText);
  const language = useLanguage();
  const me = useMe();
  const { message } = App.useApp();
  const mayEdit = useMay("policy.edit");
  const copy = async (text: string, done: string): Promise<void> => {
    await navigator.clipboard.writeText(text);
    void message.success(done);
  };
  const quiet = report.findings.length > 0 && report.findings.every((f) => f.expected);
  const verdicts: Readonly<Record<string, string>> = t.verdict;
  const { offered, eligible, pushed, received, assigned_elsewhere: elsewhere } = report.traffic;
  return (
    <article className="diagnosis" aria-busy={busy}>
      <header className="card diagnosis-head">
        <p className="diagnosis-verdict"><Outcome outcome={outcomeOf[report.verdict] ?? "unknown"} expected={quiet}>{verdicts[report.verdict] ?? report.verdict}</Outcome></p>
        <h2 dir="auto">{pick(report.headline, language)}</h2>
        <p className="soft numbers">{t.asOf(clock(report.at, language), report.revision)}</p>
        {report.hypothetical ? <p role="note">{supposing.notice}</p> : report.place === undefined && <p className="soft numbers">{t.traffic(offered, eligible, pushed, received, elsewhere)}</p>}
        {report.next !== "" && <p><strong>{t.next}: </strong>{report.next}</p>}
        <Space wrap>
          {!mayEdit && report.hypothetical === undefined && <AskForHelp key={String(askAtOnce)} question={{ ...question, agent: report.subject.agent }} open={askAtOnce} />}
          <Button icon={<ReloadOutlined />} onClick={() => onAgain()} loading={busy && question.at !== undefined}>{t.again}</Button>
          <Button icon={<CopyOutlined />} onClick={() => void copy(JSON.stringify(report, null, 2), t.copied)}>{t.copy}</Button>
          {me !== undefined && report.subject.agent !== "" && report.subject.agent !== me.account && <SelfCheckOf agent={report.subject.agent} name={report.subject.title ?? report.subject.agent} />}
          {report.subject.agent !== "" && <Link to="/checklist" search={{ platform: "bida", agent: report.subject.agent }}><Button icon={<OrderedListOutlined />}>{t.checklist}</Button></Link>}
          <Button icon={<LinkOutlined />} onClick={() => void copy(location.href, t.shared)}>{t.share}</Button>
        </Space>
      </header>
      {repair !== undefined && <Repaired id={repair} linked={false} />}
      <Body report={report} onChanged={onAgain} request={request} at={question.at} />
      {report.subject.agent !== "" && <TimelineSection agent={report.subject.agent} at={question.at} />}
      {report.subject.agent !== "" && <PatternsSection agent={report.subject.agent} inbox={question.inbox} kind={question.kind} at={question.at} />}
    </article>
  );
}
