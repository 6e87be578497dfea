import { App, Button, Space, Table, Tag } from "antd";
import { CopyOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import { clock, exact, kindTitle, span } from "@bida/shared/format";
import { api } from "../../app/api";
import { useMay, useMe } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { gateTitle, reasonTitle, useReasons } from "../../ui/gates";
import { isOutcome, Outcome } from "../../ui/outcome";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { rememberTrace } from "./recent";
import { brokenAt, firstStop, steps } from "./way";
import { traceText } from "./text";
import "./trace.css";

export type Trace = Schemas["Trace"];
type Decision = Schemas["Decision"];
type Candidate = Schemas["Candidate"];

/** The way of one message: every stage with the time between, every candidate with what stopped it, every attempt. */
export default function TracePage({ id }: { readonly id: string }): ReactNode {
  const t = useWords(traceText);
  const trace = useQuery({
    queryKey: ["trace", id],
    queryFn: ({ signal }) => ask(api.GET("/messages/{id}/trace", { params: { path: { id } }, signal })),
    refetchInterval: 10_000,
  });
  const known = trace.data?.message ?? undefined;
  useEffect(() => {
    if (known !== undefined) rememberTrace(known);
  }, [known]);
  return (
    <PageBody title={t.traceOf(id)} extra={<Link to="/messages">{t.searchTitle}</Link>}>
      {trace.isPending ? <div className="card"><Loading rows={8} /></div> : trace.data === undefined ? <ErrorState error={trace.error} onRetry={() => void trace.refetch()} /> : <TraceView trace={trace.data} />}
    </PageBody>
  );
}

function TraceView({ trace }: { readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const { message } = App.useApp();
  const mayOpen = useMay("conversation.view");
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(JSON.stringify(trace, null, 2));
    void message.success(t.copied);
  };
  const causes: Readonly<Record<string, string>> = t.causes;
  return (
    <article className="trace">
      <header className="trace-about">
        <Space wrap size={[8, 8]}>
          {trace.inbox !== undefined && <Tag><bdi>{trace.titles[`inbox/${trace.inbox}`] ?? trace.inbox}</bdi></Tag>}
          {trace.kind !== undefined && <Tag>{kindTitle(trace.kind, language)}</Tag>}
          {trace.sender_id !== undefined && <span className="soft">{t.columns.sender} <code dir="auto" className="trace-id">{trace.sender_id}</code></span>}
          {trace.conversation !== undefined && (mayOpen ? <Link to={`/workspace/${trace.conversation}`}>{t.conversation(trace.conversation)}</Link> : <span>{t.conversation(trace.conversation)}</span>)}
          <Button icon={<CopyOutlined />} onClick={copy}>{t.copy}</Button>
        </Space>
      </header>
      <Way trace={trace} />
      <Filtered trace={trace} />
      <Automatic trace={trace} />
      {trace.decision && <DecisionView title={t.decision} decision={trace.decision} trace={trace} />}
      {trace.decisions.map((d) => <DecisionView key={d.position} title={t.later(causes[d.cause] ?? d.cause)} decision={d} trace={trace} />)}
      <Deliveries trace={trace} />
    </article>
  );
}

/** Way is the message as a line of stages with the times between them; where it broke is marked. */
function Way({ trace }: { readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const broken = brokenAt(trace);
  const stages: Readonly<Record<string, string>> = t.stage;
  const results: Readonly<Record<string, string>> = t.results;
  return (
    <section className="card" aria-labelledby="stages">
      <h2 id="stages">{t.stages}</h2>
      <ol className="way">
        {steps(trace.stages).map(({ stage: s, after }, i) => {
          const bad = i === broken;
          return (
            <li key={i} data-bad={bad ? "" : undefined}>
              <span className="way-gap numbers soft">{after === undefined ? "" : t.after(span(after, language))}</span>
              <span className="way-dot" aria-hidden="true" />
              <div>
                <strong>{stages[s.stage] ?? s.stage}</strong>
                {results[s.result] !== undefined && results[s.result] !== stages[s.stage] && <span> · {results[s.result]}</span>}
                {s.agent !== undefined && <span> · <bdi>{trace.titles[`account/${s.agent}`] ?? s.agent}</bdi></span>}
                {bad && <Tag color="error" className="way-broken">{t.broken}</Tag>}
                {s.code !== null && <div>{reasonTitle(reasonOf(s.code), s.code, language)}</div>}
                {s.field !== undefined && <div><code>{s.field}</code></div>}
                <div className="soft numbers" title={s.at === null ? undefined : exact(s.at)}>
                  {s.at === null ? t.unknownTime : clock(s.at, language, new Date(), true)}{s.node !== null && <> · {t.node(s.node)}</>}
                </div>
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** Automatic says of each automatic reply that was due whether it was written, and why not. */
function Automatic({ trace }: { readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  if (trace.auto_replies.length === 0) return null;
  return (
    <section className="card" aria-labelledby="automatic">
      <h2 id="automatic">{t.automatic}</h2>
      <ul>
        {trace.auto_replies.map((a) => (
          <li key={a.rule}>
            <bdi>{t.automaticRule(a.title)}</bdi> · {a.says}
            {a.message !== undefined && a.message !== trace.message && <> <Link to={`/messages/${a.message}`}>{a.message}</Link></>}
            {a.answers !== undefined && a.answers !== trace.message && <> <Link to={`/messages/${a.answers}`}>{a.answers}</Link></>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Filtered says which filter rule took the message: its version, whose it was, and what it matched. */
function Filtered({ trace }: { readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const f = trace.filter;
  if (f === null) return null;
  const results: Readonly<Record<string, string>> = t.results;
  return (
    <section className="card" aria-labelledby="filter">
      <h2 id="filter">{t.filter}</h2>
      {f.rule && (
        <p>
          {results[f.outcome] !== undefined && <strong>{results[f.outcome]} · </strong>}<bdi>{t.filterRule(f.rule.title ?? f.rule.name)}</bdi>
          {f.rule.revision !== undefined && <span className="soft"> · <bdi>{t.filterMade(f.rule.by_title ?? f.rule.by ?? "", f.rule.revision)}</bdi></span>}
        </p>
      )}
      {f.rule && <ul>{f.rule.hits.map((h, i) => <li key={i}>{t.filterHow[h.how]} <code dir="auto">{h.term}</code></li>)}</ul>}
      {f.tags.length > 0 && <p><bdi>{t.filterTags(f.tags.join(language === "zh" ? "、" : ", "))}</bdi></p>}
    </section>
  );
}

function DecisionView({ title, decision, trace }: { readonly title: string; readonly decision: Decision; readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const mayAll = useMay("diagnosis.view");
  const me = useMe()?.account;
  const name = (account: string): string => trace.titles[`account/${account}`] ?? account;
  const order = [...decision.candidates].sort((a, b) => Number(decision.chosen.includes(b.agent)) - Number(decision.chosen.includes(a.agent)) || Number(firstStop(a) !== undefined) - Number(firstStop(b) !== undefined));
  return (
    <section className="card decision">
      <h2>{title}</h2>
      <p dir="auto" className="decision-summary">{decision.summary}</p>
      <p className="soft numbers" title={exact(decision.at)}>{t.asOf(clock(decision.at, language, new Date(), true), decision.revision)}</p>
      <h3>{t.aboutMessage}</h3>
      <ul className="decision-gates">
        {decision.gates.map((g) => {
          const outcome = isOutcome(g.outcome) ? g.outcome : "unknown";
          return <li key={g.gate}><Outcome outcome={outcome}>{gateTitle(g.gate, language)}{outcome !== "pass" && outcome !== "not_applicable" && g.code !== null && <>: {reasonTitle(reasonOf(g.code), g.code, language)}</>}</Outcome></li>;
        })}
      </ul>
      <h3>{t.candidates}</h3>
      {trace.message !== null && mayAll && ["in", "held", "rejected"].includes(trace.direction ?? "") && <p><Link to="/diagnosis" search={{ message: trace.message }}>{t.whyNobody}</Link></p>}
      {order.length === 0 ? <p className="soft">{t.noCandidates}</p> : (
        <Table<Candidate> size="small" pagination={order.length > 50 ? { pageSize: 50, showSizeChanger: false } : false} scroll={{ x: 560 }} rowKey="agent" dataSource={order} columns={[
          {
            title: t.candidate, render: (_, c) => (
              <Space wrap size={4}><bdi>{name(c.agent)}</bdi>{decision.chosen.includes(c.agent) && <Tag color="success">{t.chosen}</Tag>}{c.owner === true && <Tag>{t.owner}</Tag>}</Space>
            ),
          },
          {
            title: t.stopped, render: (_, c) => {
              const stop = firstStop(c);
              if (!stop) return <Outcome outcome="pass">{t.passedAll}</Outcome>;
              return (
                <Outcome outcome={isOutcome(stop.outcome) ? stop.outcome : "unknown"} expected={reasonOf(stop.code)?.expected === "yes"}>
                  {gateTitle(stop.gate, language)}{stop.code !== null && <>: {reasonTitle(reasonOf(stop.code), stop.code, language)}</>}{stop.until !== null && <span className="numbers"> ({clock(stop.until, language)})</span>}
                </Outcome>
              );
            },
          },
          {
            title: t.diagnose, render: (_, c) => trace.message !== null && ["in", "held", "rejected"].includes(trace.direction ?? "") && (mayAll || c.agent === me)
              && <Link to="/diagnosis" search={{ agent: c.agent, message: trace.message }}>{decision.chosen.includes(c.agent) ? t.diagnose : t.why}</Link>,
          },
        ]} />
      )}
    </section>
  );
}

function Deliveries({ trace }: { readonly trace: Trace }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const states: Readonly<Record<string, string>> = t.state;
  const results: Readonly<Record<string, string>> = t.results;
  if (trace.direction === "out") return null;
  return (
    <section className="card" aria-labelledby="deliveries">
      <h2 id="deliveries">{t.deliveries}</h2>
      {trace.deliveries.length === 0 ? <Empty title={t.noDeliveries} /> : trace.deliveries.map((d) => (
        <div className="delivery" key={`${d.agent} ${d.agent_sequence}`}>
          <h3><bdi>{trace.titles[`account/${d.agent}`] ?? d.agent}</bdi> <Tag color={d.state === "withdrawn" ? "error" : d.state === "queued" ? "warning" : "success"}>{states[d.state] ?? d.state}</Tag></h3>
          {d.code !== null && <p>{reasonTitle(reasonOf(d.code), d.code, language)}</p>}
          <ul>
            {d.attempts.map((a) => (
              <li key={a.number}>
                <Outcome outcome={a.result === "received" ? "pass" : a.result === "" ? "wait" : "block"}>
                  {t.attempt(a.number)} · {results[a.result] ?? a.result}
                  <span className="soft numbers"> · {a.at === null ? t.unknownTime : clock(a.at, language, new Date(), true)} · {t.connection} <code>{a.connection}</code>{a.client !== undefined && <> · {a.client}</>}</span>
                  {a.error !== null && <span> · {reasonTitle(reasonOf(a.error), a.error, language)}</span>}
                </Outcome>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
