import { Button, Input, Segmented, Select } from "antd";
import { DownloadOutlined, FileSearchOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { useKeys } from "../../app/keys";
import { useMay, useMe } from "../../app/me";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, NoPermission, Stale } from "../../ui/states";
import { inboxesQuery } from "../filters/queries";
import { useColumns, wordOf } from "./columns";
import { choices, cleared, exportOf, fields, openLogs, queryOf, type Log } from "./filter";
import { countsQuery, logQuery } from "./queries";
import { logsText } from "./text";
import "./logs.css";

/** The logs: what came in, what was pushed, who signed in, who changed what, what failed. Filter and tab are in the address. */
export default function LogsPage(): ReactNode {
  const t = useWords(logsText);
  const me = useMe();
  const [parameters, change] = useParameters();
  const open = useMemo(() => openLogs(me?.permissions ?? []), [me]);
  const log = open.find((l) => l === parameters["log"]) ?? open[0];
  useKeys(useMemo(() => {
    const turn = (by: number): void => {
      const next = open[(open.findIndex((l) => l === log) + by + open.length) % open.length];
      if (next !== undefined) change({ log: next });
    };
    return [
      { key: "]", does: t.keyNext, group: t.keyGroup, run: () => turn(1) },
      { key: "[", does: t.keyBefore, group: t.keyGroup, run: () => turn(-1) },
    ];
  }, [open, log, change, t]));
  if (me === undefined) return <PageBody title={t.title}><Loading /></PageBody>;
  if (log === undefined) return <PageBody title={t.title}><NoPermission permission="trace.view" text={t.forbidden} /></PageBody>;
  return (
    <PageBody title={t.title}>
      <div className="logs-tabs">
        <Segmented<Log> aria-label={t.which} value={log} onChange={(next) => change({ log: next })} options={open.map((value) => ({ value, label: t.names[value] }))} />
      </div>
      <p className="soft logs-holds">{t.holds[log]}</p>
      <LogView key={log} log={log} />
    </PageBody>
  );
}

function LogView({ log }: { readonly log: Log }): ReactNode {
  const t = useWords(logsText);
  const language = useLanguage();
  const [parameters, change] = useParameters();
  const query = useMemo(() => queryOf(log, parameters), [log, parameters]);
  const list = useInfiniteQuery(logQuery(log, query, language));
  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.rows), [list.data]);
  const last = list.data?.pages.at(-1);
  const filtered = Object.keys(query).length > 0;
  const clear = filtered ? <Button onClick={() => change(cleared(log))}>{t.clear}</Button> : undefined;
  return (
    <>
      <FilterBar log={log} query={query} />
      {last?.messages_withheld === true && <p className="soft" role="note">{t.messagesWithheld}</p>}
      {last?.failed_withheld === true && <p className="soft" role="note">{t.failedWithheld}</p>}
      {last?.cut === true && <p role="note">{t.cut}</p>}
      {rows === undefined ? (list.error ? <ErrorState error={list.error} onRetry={() => void list.refetch()} /> : <Loading rows={10} />)
        : rows.length > 0 ? <LogTable log={log} rows={rows} />
        : list.hasNextPage ? <Empty icon={<FileSearchOutlined />} title={t.nothingYet} text={t.nothingYetText(last?.searched_to ? clock(last.searched_to, language) : "…")}>{clear}</Empty>
        : filtered ? <Empty icon={<FileSearchOutlined />} title={t.emptyFilter} text={t.emptyFilterText}>{clear}</Empty>
        : <Empty icon={<FileSearchOutlined />} title={t.empty} text={t.holds[log]} />}
      {rows !== undefined && list.error !== null && <ErrorState error={list.error} onRetry={() => void list.fetchNextPage()} />}
      <footer className="logs-foot">
        {list.hasNextPage && <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{rows?.length === 0 ? t.goOn : t.more}</Button>}
        {rows !== undefined && rows.length > 0 && (
          <span className="soft numbers">{list.hasNextPage ? (last?.searched_to ? t.searchedTo(clock(last.searched_to, language)) : "") : t.end}</span>
        )}
        <Stale at={list.dataUpdatedAt} after={60_000} />
      </footer>
    </>
  );
}

/** The table of a log; it scrolls sideways where it is wider than the screen. */
function LogTable<L extends Log>({ log, rows }: { readonly log: L; readonly rows: readonly object[] }): ReactNode {
  const t = useWords(logsText);
  const columns = useColumns(log) as readonly { readonly title: string; readonly cell: (row: object) => ReactNode }[];
  const names: Readonly<Record<Log, string>> = t.names;
  const name = t.table(names[log]);
  return (
    <div className="card logs-table" role="region" aria-label={name} tabIndex={0}>
      <table>
        <caption className="visually-hidden">{name}</caption>
        <thead><tr>{columns.map((c) => <th key={c.title} scope="col">{c.title}</th>)}</tr></thead>
        {/* Rows only ever come at the end, and a filter makes a new table. */}
        <tbody>{rows.map((row, i) => <tr key={i}>{columns.map((c) => <td key={c.title}>{c.cell(row)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

function FilterBar({ log, query }: { readonly log: Log; readonly query: Readonly<Record<string, string>> }): ReactNode {
  const t = useWords(logsText);
  const [parameters, change] = useParameters();
  const known: readonly string[] = fields[log];
  const labels: Readonly<Record<string, string>> = { agent: log === "sign-in" ? t.account : t.agent, by: t.by, action: t.action, object: t.object };
  return (
    <search className="logs-bar">
      {choices[log].length > 0 && <States log={log} query={query} />}
      <div className="logs-fields">
        {known.includes("inbox") && <Inboxes value={parameters["inbox"] ?? ""} onChange={(inbox) => change({ inbox })} />}
        {known.includes("kind") && <Kinds value={parameters["kind"] ?? ""} onChange={(kind) => change({ kind })} />}
        {["agent", "by", "action", "object"].filter((name) => known.includes(name)).map((name) => (
          <TextField key={name} label={labels[name] ?? name} value={parameters[name] ?? ""} onChange={(value) => change({ [name]: value })} />
        ))}
        {(["from", "to"] as const).map((name) => (
          <label key={name} className="logs-time"><span>{t[name]}</span>
            <Input type="datetime-local" max="9999-12-31T23:59" value={parameters[name] ?? ""} onChange={(e) => change({ [name]: e.target.value })} />
          </label>
        ))}
        {Object.keys(query).length > 0 && <Button onClick={() => change(cleared(log))}>{t.clear}</Button>}
        <span className="logs-save">
          <Button icon={<DownloadOutlined />} href={exportOf(log, query, "csv")} download>{t.saveCSV}</Button>
          <Button icon={<DownloadOutlined />} href={exportOf(log, query, "json")} download>{t.saveJSON}</Button>
        </span>
      </div>
    </search>
  );
}

/** The states of a log as buttons; those of what came in with how many there are. */
function States({ log, query }: { readonly log: Log; readonly query: Readonly<Record<string, string>> }): ReactNode {
  const t = useWords(logsText);
  const language = useLanguage();
  const [, change] = useParameters();
  const counted = useQuery({ ...countsQuery(query), enabled: log === "intake" }).data;
  const counts = log === "intake" ? counted : undefined; // what is remembered of another tab is not this one's
  const name = fields[log][0];
  const words = log === "sign-in" ? t.results : log === "errors" ? t.whats : t.states;
  const values: readonly string[] = choices[log];
  return (
    <div className="logs-states" role="group" aria-label={t.state}>
      <Button size="small" aria-pressed={query[name] === undefined} type={query[name] === undefined ? "primary" : "default"} onClick={() => change({ [name]: undefined })}>{t.all}</Button>
      {values.map((value) => (
        <Button size="small" key={value} aria-pressed={query[name] === value} type={query[name] === value ? "primary" : "default"} onClick={() => change({ [name]: value })}>
          {wordOf(words, value)}{counts?.states[value] !== undefined && <span className="numbers">&nbsp;{counts.states[value]}</span>}
        </Button>
      ))}
      {counts?.since && <span className="soft numbers">{t.counted(clock(counts.since, language))}</span>}
    </div>
  );
}

function Inboxes({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }): ReactNode {
  const t = useWords(logsText);
  const may = useMay("policy.view");
  const inboxes = useQuery({ ...inboxesQuery, enabled: may }).data;
  if (!may) return <TextField label={t.inbox} value={value} onChange={onChange} />;
  return (
    <Select aria-label={t.inbox} value={value} onChange={onChange} showSearch optionFilterProp="label" popupMatchSelectWidth={false} className="logs-select"
      options={[{ value: "", label: t.allInboxes }, ...(inboxes ?? []).map((i) => ({ value: i.name, label: i.title }))]} />
  );
}

const kinds = ["customer", "group", "system", "auto_reply", "internal"];

function Kinds({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }): ReactNode {
  const t = useWords(logsText);
  const language = useLanguage();
  const all = value === "" || kinds.includes(value) ? kinds : [...kinds, value]; // the policy may add kinds
  return (
    <Select aria-label={t.kind} value={value} onChange={onChange} popupMatchSelectWidth={false} className="logs-select"
      options={[{ value: "", label: t.allKinds }, ...all.map((k) => ({ value: k, label: kindTitle(k, language) }))]} />
  );
}

/** A text that takes effect when it is finished, by Enter or by going on. */
function TextField({ label, value, onChange }: { readonly label: string; readonly value: string; readonly onChange: (value: string) => void }): ReactNode {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const done = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <Input className="logs-text" allowClear placeholder={label} aria-label={label} maxLength={128} value={text} onPressEnter={done} onBlur={done}
      onChange={(e) => {
        setText(e.target.value);
        if (e.target.value === "") onChange("");
      }} />
  );
}
