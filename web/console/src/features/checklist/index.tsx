import { App, Button, Input, Popconfirm, Progress, Select } from "antd";
import { CopyOutlined, LinkOutlined, MedicineBoxOutlined, PrinterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState, type ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useMay, useMe } from "../../app/me";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { PageBody } from "../../ui/page";
import { ErrorState, Loading } from "../../ui/states";
import { useAgents } from "../diagnosis/queries";
import { questionsQuery, reportQuery, savedQuery, type Report } from "./queries";
import { Questions } from "./questions";
import { ReportView } from "./report";
import { SaveButton, SavedLists } from "./saved";
import { answered, isValue, Kept, reportText, sheetOf, type Answers, type Sheet, type Value } from "./sheet";
import { checklistText } from "./text";
import "../diagnosis/diagnosis.css";
import "./checklist.css";

type Catalogue = Schemas["ChecklistQuestions"];

const kept = new Kept(sessionStorage);

/** The guided check-list: the questions at the left, what the answers come to at the right. */
export default function ChecklistPage(): ReactNode {
  const t = useWords(checklistText);
  const [p] = useParameters();
  const catalogue = useQuery(questionsQuery);
  if (catalogue.isPending) return <PageBody title={t.title}><div className="card"><Loading rows={12} /></div></PageBody>;
  if (catalogue.data === undefined) return <PageBody title={t.title}><ErrorState error={catalogue.error} onRetry={() => void catalogue.refetch()} /></PageBody>;
  return p["id"] === undefined ? <Filling key={`${p["platform"] ?? ""} ${p["agent"] ?? ""}`} catalogue={catalogue.data} /> : <Shown catalogue={catalogue.data} id={p["id"]} />;
}

/** A sheet that is being filled in. */
function Filling({ catalogue }: { readonly catalogue: Catalogue }): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const me = useMe();
  const others = useMay("diagnosis.view");
  const [p, setParameters] = useParameters();
  const platform = catalogue.platforms.some((x) => x.id === p["platform"]) ? (p["platform"] ?? "bida") : "bida";
  const agent = p["agent"] ?? (platform === "bida" && !others ? (me?.account ?? "") : "");
  const key = `${platform} ${agent}`;
  const [answers, setAnswers] = useState<Answers>(() => kept.read(key));
  const sheet = useMemo(() => sheetOf(platform, agent, p["inbox"] ?? "", p["kind"] ?? "", answers, catalogue.questions), [platform, agent, p, answers, catalogue]);
  const report = useQuery(reportQuery(sheet, language));
  const change = (next: Answers): void => {
    setAnswers(next);
    kept.write(key, next);
  };
  const onAnswer = (question: string, value: Value): void => change(answered(answers, question, value));
  const rows = new Map((report.data?.answers ?? []).map((a) => [a.question, a]));
  for (const [question, value] of Object.entries(answers)) { // what was just clicked is shown at once
    const row = rows.get(question);
    if (row) rows.set(question, { ...row, value, source: "person" });
  }
  const count = catalogue.questions.filter((q) => (rows.get(q.id)?.value ?? "") !== "").length;
  return (
    <PageBody title={t.title} extra={<Tools sheet={sheet} report={report.data} catalogue={catalogue} onClear={() => change({})} onSaved={(id) => setParameters({ id, platform: undefined, agent: undefined, inbox: undefined, kind: undefined })} />}>
      <p className="soft checklist-intro">{t.intro}</p>
      <Subject catalogue={catalogue} platform={platform} agent={agent} kind={p["kind"] ?? ""} onChange={setParameters} />
      <div className="checklist-progress"><Progress percent={Math.round((100 * count) / catalogue.questions.length)} showInfo={false} aria-label={t.progress(count, catalogue.questions.length)} /><span className="numbers">{t.progress(count, catalogue.questions.length)}</span></div>
      <div className="checklist">
        <Questions questions={catalogue.questions} stages={catalogue.stages} platform={platform} answers={rows} onAnswer={onAnswer} />
        <div className="checklist-side">
          {report.data === undefined ? report.isPending ? <div className="card"><Loading rows={5} /></div> : <ErrorState error={report.error} onRetry={() => void report.refetch()} />
            : <ReportView report={report.data} questions={catalogue.questions} busy={report.isFetching} onGoTo={(id) => document.querySelector<HTMLElement>(`[data-question="${id}"]`)?.focus()} />}
          {platform === "bida" && agent !== "" && <p><Link to="/diagnosis" search={{ agent }}><MedicineBoxOutlined /> {t.toDiagnosis}</Link></p>}
        </div>
      </div>
      <SavedLists platforms={(id) => platformName(catalogue, id, language)} />
    </PageBody>
  );
}

function platformName(catalogue: Catalogue, id: string, language: "zh" | "en"): string {
  const found = catalogue.platforms.find((x) => x.id === id);
  return found ? pick(found.name, language) : id;
}

interface SubjectProps {
  readonly catalogue: Catalogue;
  readonly platform: string;
  readonly agent: string;
  readonly kind: string;
  readonly onChange: (change: Readonly<Record<string, string | undefined>>) => void;
}

/** Who and what it is about. */
function Subject({ catalogue, platform, agent, kind, onChange }: SubjectProps): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const me = useMe();
  const accounts = useAgents();
  const [name, setName] = useState(agent);
  const agents = (accounts ?? []).filter((a) => a.agent).map((a) => ({ value: a.name, label: a.title === undefined ? a.name : `${a.title} (${a.name})` }));
  if (agents.length === 0 && me) agents.push({ value: me.account, label: me.title ?? me.account });
  return (
    <div className="diagnosis-filters checklist-subject">
      <Select aria-label={t.platform} value={platform} onChange={(v: string) => onChange({ platform: v, agent: undefined, inbox: undefined })}
        options={catalogue.platforms.map((x) => ({ value: x.id, label: `${t.platform}: ${pick(x.name, language)}` }))} />
      {platform === "bida"
        ? <Select className="diagnosis-agent" showSearch={{ optionFilterProp: "label" }} allowClear aria-label={t.agent} placeholder={t.chooseAgent} options={agents} {...(agent === "" ? {} : { value: agent })} onChange={(v: string | undefined) => onChange({ agent: v })} />
        : <Input className="diagnosis-agent" aria-label={t.agent} placeholder={t.agentName} maxLength={100} value={name} onChange={(e) => setName(e.target.value)} onBlur={() => onChange({ agent: name.trim() })} onPressEnter={() => onChange({ agent: name.trim() })} />}
      <Select aria-label={t.kind} value={kind} onChange={(v: string) => onChange({ kind: v })}
        options={[{ value: "", label: `${t.kind}: ${t.all}` }, ...["customer", "group", "system"].map((k) => ({ value: k, label: kindTitle(k, language) }))]} />
    </div>
  );
}

interface ToolsProps {
  readonly sheet: Sheet;
  readonly report: Report | undefined;
  readonly catalogue: Catalogue;
  readonly onClear?: () => void;
  readonly onSaved?: (id: string) => void;
}

/** What can be done with the whole sheet. */
function Tools({ sheet, report, catalogue, onClear, onSaved }: ToolsProps): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const { message } = App.useApp();
  const copy = async (text: string, done: string): Promise<void> => {
    await navigator.clipboard.writeText(text);
    void message.success(done);
  };
  const text = (r: Report) => reportText(r, catalogue.questions, platformName(catalogue, sheet.platform, language), (code) => reasonTitle(reasonOf(code), code, language), { ...t, answers: t.questions }, language);
  return (
    <div className="checklist-tools">
      {onClear && <Popconfirm title={t.clearTitle} okText={t.yes} cancelText={t.cancel} onConfirm={onClear}><Button>{t.clear}</Button></Popconfirm>}
      <Button icon={<CopyOutlined />} disabled={!report} onClick={() => report && void copy(text(report), t.copied)}>{t.copy}</Button>
      <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t.print}</Button>
      {onSaved ? <SaveButton sheet={sheet} onSaved={onSaved} /> : <Button icon={<LinkOutlined />} onClick={() => void copy(location.href, t.shared)}>{t.share}</Button>}
    </div>
  );
}

/** A saved sheet, with the report as it was made then. */
function Shown({ catalogue, id }: { readonly catalogue: Catalogue; readonly id: string }): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const [, setParameters] = useParameters();
  const saved = useQuery(savedQuery(id));
  if (saved.data === undefined) {
    return <PageBody title={t.title}>{saved.isPending ? <div className="card"><Loading rows={10} /></div> : <ErrorState error={saved.error} onRetry={() => void saved.refetch()} />}</PageBody>;
  }
  const { sheet, report } = saved.data;
  const goOn = (): void => {
    const answers: Record<string, Value> = {};
    for (const [question, value] of Object.entries(sheet.answers)) if (isValue(value)) answers[question] = value;
    kept.write(`${sheet.platform} ${sheet.agent ?? ""}`, answers);
    setParameters({ id: undefined, platform: sheet.platform, agent: sheet.agent, inbox: sheet.inbox, kind: sheet.kind });
  };
  return (
    <PageBody title={saved.data.title === "" ? t.title : saved.data.title} extra={<Tools sheet={sheet} report={report} catalogue={catalogue} />}>
      <p className="soft" role="note">{platformName(catalogue, sheet.platform, language)} · {t.viewing(clock(saved.data.at, language), saved.data.by_title ?? saved.data.by)} <Button type="link" onClick={goOn}>{t.startFrom}</Button></p>
      {sheet.note !== undefined && sheet.note !== "" && <section className="card"><h3>{t.noteTitle}</h3><p className="checklist-note" dir="auto">{sheet.note}</p></section>}
      <div className="checklist" data-shown="">
        <Questions questions={catalogue.questions} stages={catalogue.stages} platform={sheet.platform} answers={new Map(report.answers.map((a) => [a.question, a]))} />
        <div className="checklist-side"><ReportView report={report} questions={catalogue.questions} busy={false} /></div>
      </div>
      <SavedLists platforms={(x) => platformName(catalogue, x, language)} />
    </PageBody>
  );
}
