import { App, Button, Collapse, Popconfirm, Table, Tag } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError, ask, type Schemas } from "@bida/shared/api";
import { clock, exact, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { api } from "../../app/api";
import { useMay, useMe } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { gateTitle, reasonTitle, useReasons } from "../../ui/gates";
import { isOutcome, Outcome } from "../../ui/outcome";
import { useErrorWords } from "../../ui/states";
import { documentsOf, repairOf, shortValue } from "./fix";
import type { Finding, Report } from "./queries";
import { Names } from "./place";
import { placeText } from "./place.text";
import { supposeText } from "./suppose.text";
import { diagnosisText } from "./text";

export interface FindingsProps {
  readonly report: Report;
  /** Something was changed: ask again. The id is that of the repair, if it was one. */
  readonly onChanged: (repair?: string) => void;
  /** The request for help that is being answered. */
  readonly request?: string | undefined;
  /** The instant that was asked about; none for now. */
  readonly at?: string | undefined;
}

/** Findings are the causes, the main one first, each with its author, its proof and its repair. */
export function Findings({ report, onChanged, request, at }: FindingsProps): ReactNode {
  const roots = report.findings.filter((f) => f.consequence_of === null);
  const others = report.findings.filter((f) => f.consequence_of !== null);
  const t = useWords(diagnosisText);
  const cards = (list: readonly Finding[]) => list.map((f) => <FindingCard key={`${f.code} ${f.scope.map((s) => s.inbox + s.kind).join()}`} finding={f} report={report} onChanged={onChanged} request={request} at={at} />);
  return (
    <>
      {cards([...roots.filter((f) => f.primary), ...roots.filter((f) => !f.primary)])}
      {/* What only follows from a cause goes away with it: it is there for those who look. */}
      {others.length > 0 && <Collapse className="consequences" items={[{ key: "others", label: t.consequences(others.length), children: <div className="diagnosis">{cards(others)}</div> }]} />}
    </>
  );
}

function FindingCard({ finding: f, report, onChanged, request, at }: FindingsProps & { readonly finding: Finding }): ReactNode {
  const t = useWords(diagnosisText);
  const place = useWords(placeText);
  const supposing = useWords(supposeText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const reason = reasonOf(f.code);
  const outcome = isOutcome(f.outcome) ? f.outcome : "unknown";
  const author = f.changed_by as Finding["changed_by"] | null;
  const because = f.because && pick(f.because, language);
  return (
    <section className="card finding" data-primary={f.primary ? "" : undefined}>
      <header>
        <h2><Outcome outcome={outcome} expected={f.expected}>{reasonTitle(reason, f.code, language)}</Outcome></h2>
        {f.primary ? <Tag color={f.expected || report.subject.excess === true ? "default" : "error"}>{report.subject.excess === true ? place.grants : t.primary}</Tag> : <Tag>{report.subject.excess === true ? place.grants : f.consequence_of === null ? t.otherCause : t.consequence(reasonTitle(reasonOf(f.consequence_of), f.consequence_of, language))}</Tag>}
        {f.expected && <Tag>{t.expected}</Tag>}
      </header>
      <p className="finding-author numbers">
        <span className="soft">{gateTitle(f.gate, language)}</span>
        {f.since !== null && <span title={exact(f.since)}>{t.since(clock(f.since, language))}</span>}
        {author && <span><bdi>{author.source === "what_if" ? supposing.because : author.account === "system" ? t.system : t.by(author.title ?? author.account ?? "")}</bdi></span>}
        {author?.revision !== undefined && <span>{t.revision(author.revision)}</span>}
        {author?.reason !== undefined && author.reason !== "" && <span dir="auto">{t.reason(author.reason)}</span>}
      </p>
      {because !== undefined && <p>{because}</p>}
      {reason && <p className="soft">{pick(reason.meaning, language)}</p>}
      <p className="finding-scope"><span className="soft">{t.scope}: </span>{f.scope.map((s) => <Tag key={s.inbox + s.kind}>{t.cell(report.titles[`inbox/${s.inbox}`] ?? s.inbox, kindTitle(s.kind, language))}</Tag>)}</p>
      {f.agents !== undefined && f.agents.length > 0 && <p className="finding-scope"><span className="soft">{place.agents(f.agent_count ?? f.agents.length)}: </span><Names list={f.agents} count={f.agent_count ?? f.agents.length} report={report} /></p>}
      <FixView finding={f} report={report} onChanged={onChanged} request={request} at={at} />
      {f.evidence.length > 0 && <Collapse ghost size="small" items={[{ key: "evidence", label: t.evidence(f.evidence.length), children: <EvidenceTable evidence={f.evidence} /> }]} />}
    </section>
  );
}

function EvidenceTable({ evidence }: { readonly evidence: readonly Schemas["DiagnosisEvidence"][] }): ReactNode {
  const t = useWords(diagnosisText);
  return (
    <Table size="small" pagination={false} scroll={{ x: 560 }} rowKey={(e) => `${e.fact} ${e.value}`} dataSource={[...evidence]} columns={[
      { title: t.fact, dataIndex: "fact", render: (v: string) => <code>{v}</code> },
      { title: t.value, dataIndex: "value", render: (v: string) => <span dir="auto">{v}</span> },
      { title: t.source, dataIndex: "source" },
      { title: t.when, dataIndex: "at", render: (v: string | null) => (v === null ? "" : <span className="numbers">{exact(v)}</span>) },
    ]} />
  );
}

/** FixView is the smallest change that removes the cause, and the button for whoever may make it. */
export function FixView({ finding, report, onChanged, request, at }: FindingsProps & { readonly finding: Finding }): ReactNode {
  const t = useWords(diagnosisText);
  const place = useWords(placeText);
  const language = useLanguage();
  const me = useMe();
  const mayEdit = useMay("policy.edit");
  const fix = finding.fix as Finding["fix"] | null;
  if (!fix || (fix.edits.length === 0 && fix.actions.length === 0)) return null;
  const who: Readonly<Record<string, string>> = t.fixBy;
  const own = report.subject.agent === me?.account;
  const excess = report.subject.excess === true;
  return (
    <div className="fix">
      <h3>{excess ? place.stop : t.fix} <span className="soft">· {who[fix.by] ?? fix.by}</span></h3>
      {fix.edits.map((e) => (
        <dl key={`${e.kind}/${e.name}`} className="fix-edit">
          <dt><code>{e.kind}/{e.name}</code></dt>
          {(e.fields ?? []).map((c) => (
            <dd key={c.path}>
              <code>{c.path}</code>
              {/* Who may not read the settings is told where the change is, and neither value. */}
              {(c.before !== undefined || c.after !== undefined) && <> <del title={t.before}>{shortValue(c.before) || t.none}</del> → <ins title={t.after}>{shortValue(c.after) || t.none}</ins></>}
            </dd>
          ))}
        </dl>
      ))}
      {fix.actions.length > 0 && <ol className="fix-actions">{fix.actions.map((a) => <li key={a.action}>{pick(a.text, language)}</li>)}</ol>}
      {fix.verified && <p className="fix-verified"><Outcome outcome="pass">{excess ? place.stopVerified : t.fixVerified}</Outcome></p>}
      {fix.others !== undefined && fix.others.count > 0 && (
        <p className="soft">{place.others(fix.others.count)}{fix.others.cells.map((c) => place.cell(report.titles[`account/${c.agent}`] ?? c.agent, report.titles[`inbox/${c.inbox}`] ?? c.inbox, kindTitle(c.kind, language))).join(language === "zh" ? "、" : ", ")}</p>
      )}
      <div className="fix-do">
        {fix.edits.length > 0 && report.hypothetical === undefined && (mayEdit ? <Repair finding={finding} report={report} onChanged={onChanged} request={request} at={at} /> : <p className="soft">{t.cannotRepair(who[fix.by] ?? fix.by)}</p>)}
        {own && report.hypothetical === undefined && fix.actions.some((a) => a.action === "go_available") && <GoAvailable finding={finding} report={report} onChanged={onChanged} request={request} />}
        {own && fix.actions.some((a) => a.action === "reload") && <Button onClick={() => location.reload()}>{t.reload}</Button>}
      </div>
    </div>
  );
}

function Repair({ finding, report, onChanged, request, at }: FindingsProps & { readonly finding: Finding }): ReactNode {
  const t = useWords(diagnosisText);
  const place = useWords(placeText);
  const words = useErrorWords();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const repair = useMutation({
    mutationFn: async (): Promise<{ revision: number; id?: string }> => {
      const documents = documentsOf(finding.fix.edits);
      const ifMatch = { header: { "If-Match": `"${report.revision}"` } };
      if (report.subject.agent === "" || report.subject.excess === true) { // it is no cause of an agent's that could be followed until messages arrive
        return ask(api.PUT("/policy", { params: ifMatch, body: { documents: documents ?? [], reason: `${finding.code} (diagnosis)` } }));
      }
      return ask(api.POST("/repairs", {
        params: ifMatch,
        body: { ...repairOf(finding, report, request), ...(at === undefined ? {} : { at }), ...(documents === undefined ? {} : { documents }) },
      }));
    },
    onSuccess: async (applied) => {
      void message.success(t.repaired(applied.revision));
      await cache.invalidateQueries();
      onChanged(applied.id);
    },
    onError: (e) => {
      if (e instanceof ApiError && (e.status === 412 || e.code === "repair.changed" || e.code === "repair.no_fix")) {
        void message.warning(t.repairStale);
        onChanged();
        return;
      }
      void message.error(words(e));
    },
  });
  return (
    <Popconfirm title={t.repairTitle} description={t.repairText} okText={t.apply} cancelText={t.cancel} onConfirm={() => repair.mutate()}>
      <Button type={finding.primary ? "primary" : "default"} loading={repair.isPending}>{report.subject.excess === true ? place.stopDo : t.repair}</Button>
    </Popconfirm>
  );
}

function GoAvailable({ finding, report, onChanged, request }: FindingsProps & { readonly finding: Finding }): ReactNode {
  const t = useWords(diagnosisText);
  const words = useErrorWords();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const go = useMutation({
    mutationFn: () => ask(api.POST("/repairs", { body: { ...repairOf(finding, report, request), action: "go_available" } })),
    onSuccess: async (done) => {
      void message.success(t.wentAvailable);
      await cache.invalidateQueries();
      onChanged(done.id);
    },
    onError: (e) => {
      void message.error(words(e));
      onChanged();
    },
  });
  return <Button onClick={() => go.mutate()} loading={go.isPending}>{t.goAvailable}</Button>;
}
