import { Input, Table, Tag } from "antd";
import { SearchOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import { clock, exact, kindTitle } from "@bida/shared/format";
import { api } from "../../app/api";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { recentTraces } from "./recent";
import { traceText } from "./text";
import "./trace.css";

type Found = Schemas["Found"];

/** The search: from any id to the messages, and the refused requests, that it means. */
export default function SearchPage(): ReactNode {
  const t = useWords(traceText);
  const [{ id = "" }, change] = useParameters();
  const [text, setText] = useState(id);
  useEffect(() => setText(id), [id]);
  const wanted = id.trim();
  const found = useQuery({
    queryKey: ["messages", wanted],
    queryFn: ({ signal }) => ask(api.GET("/messages", { params: { query: { id: wanted } }, signal })),
    enabled: wanted !== "",
  });
  return (
    <PageBody title={t.title}>
      <div role="search" className="trace-search">
        <Input.Search value={text} onChange={(e) => setText(e.target.value)} onSearch={(v) => change({ id: v.trim() })} placeholder={t.hint} aria-label={t.searchTitle}
          enterButton={t.search} prefix={<SearchOutlined aria-hidden="true" />} maxLength={128} allowClear size="large" autoFocus loading={found.isFetching} />
      </div>
      {wanted === "" ? <Start /> : found.isPending ? <Loading /> : found.data === undefined ? <ErrorState error={found.error} onRetry={() => void found.refetch()} />
        : found.data.found.length === 0 ? <Empty title={t.nothing(wanted)} text={t.nothingText} /> : <Results found={found.data.found} />}
    </PageBody>
  );
}

/** What is shown before anything was asked. */
function Start(): ReactNode {
  const t = useWords(traceText);
  const recent = recentTraces();
  return (
    <>
      <Empty icon={<SearchOutlined />} title={t.first} text={t.firstText} />
      {recent.length > 0 && (
        <section className="card trace-recent" aria-labelledby="recent">
          <h2 id="recent">{t.recent}</h2>
          <ul>{recent.map((m) => <li key={m}><Link to="/messages/$id" params={{ id: m }}><code>{m}</code></Link></li>)}</ul>
        </section>
      )}
    </>
  );
}

function Results({ found }: { readonly found: readonly Found[] }): ReactNode {
  const t = useWords(traceText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const directions: Readonly<Record<string, string>> = t.direction;
  const results: Readonly<Record<string, string>> = t.results;
  return (
    <section aria-label={t.found(found.length)}>
      <p className="soft trace-count">{t.found(found.length)}</p>
      <Table<Found> size="middle" pagination={false} scroll={{ x: 760 }} rowKey={(f) => `${f.message ?? ""}${f.inbox ?? ""}${f.at}`} dataSource={[...found]} columns={[
        {
          title: t.columns.id,
          render: (_, f) => f.message !== undefined
            ? <><Link to="/messages/$id" params={{ id: f.message }}><code>{f.message}</code></Link>{f.sequence !== undefined && <div className="soft">{t.sequence(f.sequence)}</div>}</>
            : <Tag color="error">{t.refusal}</Tag>,
        },
        { title: t.columns.kind, render: (_, f) => (f.kind === undefined ? "" : <>{kindTitle(f.kind, language)}<div className="soft">{directions[f.direction ?? ""] ?? ""}</div></>) },
        { title: t.columns.inbox, render: (_, f) => <bdi>{f.inbox_title ?? f.inbox ?? ""}</bdi> },
        { title: t.columns.sender, render: (_, f) => <code dir="auto" className="trace-id">{f.sender_id ?? ""}</code> },
        {
          title: t.columns.result,
          render: (_, f) => (f.found === "refusal" ? <>{reasonTitle(reasonOf(f.code), f.code ?? "", language)}{f.field !== undefined && <div className="soft"><code>{f.field}</code></div>}</> : (results[f.status ?? ""] ?? f.status ?? "")),
        },
        { title: t.columns.at, render: (_, f) => <span className="numbers" title={exact(f.at)}>{clock(f.at, language, new Date(), true)}</span> },
      ]} />
    </section>
  );
}
