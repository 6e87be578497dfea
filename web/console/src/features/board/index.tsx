import { Button, Checkbox, Input, Select, Switch, type InputRef } from "antd";
import { DashboardOutlined, SearchOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { ago, kindTitle } from "@bida/shared/format";
import { useKeys } from "../../app/keys";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { among, columns, counts, needsLook, noFilter, quiet, type Board, type Filter } from "./model";
import { again, useBoard, type Seen } from "./stream";
import { Table } from "./table";
import { boardText } from "./text";
import "./board.css";

// What was filtered is still so when somebody comes back from a diagnosis.
let kept: { readonly filter: Filter; readonly collapse: boolean; readonly compact: boolean } = { filter: noFilter, collapse: false, compact: false };

/** The board: every agent against every check, live. */
export default function BoardPage(): ReactNode {
  const t = useWords(boardText);
  const seen = useBoard();
  if (seen.state === "ended" && seen.error !== undefined) return <PageBody title={t.title}><ErrorState error={seen.error} onRetry={again} /></PageBody>;
  if (seen.board === undefined) {
    return <PageBody title={t.title}>{seen.error !== undefined ? <ErrorState error={seen.error} onRetry={again} /> : <div className="card"><Loading rows={10} /></div>}</PageBody>;
  }
  return <Shown board={seen.board} seen={seen} />;
}

function Shown({ board, seen }: { readonly board: Board; readonly seen: Seen }): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const navigate = useNavigate();
  const [filter, setFilter] = useState(kept.filter);
  const [collapse, setCollapse] = useState(kept.collapse);
  const [compact, setCompact] = useState(kept.compact);
  const search = useRef<InputRef>(null);
  useEffect(() => {
    kept = { filter, collapse, compact };
  }, [filter, collapse, compact]);
  useKeys(useMemo(() => [
    { key: "/", does: t.keySearch, group: t.keyGroup, run: () => search.current?.focus() },
    { key: "u", does: t.keyUnexpected, group: t.keyGroup, run: () => setFilter((f) => ({ ...f, unexpected: !f.unexpected })) },
    { key: "c", does: t.keyCollapse, group: t.keyGroup, run: () => setCollapse((c) => !c) },
  ], [t]));
  const { inboxes, teams } = board.head;
  const wanted = useDeferredValue(filter);
  const meant = useMemo(() => among(board, wanted), [board, wanted]);
  const odd = useMemo(() => meant.filter((r) => needsLook(r, wanted, inboxes)), [meant, wanted, inboxes]);
  const rows = wanted.unexpected ? odd : meant;
  const count = useMemo(() => counts(meant, wanted, inboxes), [meant, wanted, inboxes]);
  const calm = useMemo(() => quiet(rows, wanted, inboxes), [rows, wanted, inboxes]);
  const shown = useMemo(() => (collapse ? columns.filter((c) => !calm.has(c)) : columns), [collapse, calm]);
  const kinds = useMemo(() => [...new Set(inboxes.flatMap((i) => i.kinds))], [inboxes]);
  const named = (list: readonly { readonly name: string; readonly title?: string }[]) => list.map((x) => ({ value: x.name, label: x.title ?? x.name }));
  const change = (part: Partial<Filter>): void => setFilter((f) => ({ ...f, ...part }));
  if (board.rows.size === 0) {
    return (
      <PageBody title={t.title} extra={<Pulse seen={seen} />}>
        <Empty icon={<DashboardOutlined />} title={t.emptyTitle} text={t.emptyText}><Button type="primary" onClick={() => void navigate({ to: "/agents" })}>{t.emptyDo}</Button></Empty>
      </PageBody>
    );
  }
  return (
    <PageBody title={t.title} extra={<><span className="soft numbers">{t.count(rows.length, board.rows.size)}</span><Pulse seen={seen} /></>}>
      <ul className="board-counts">
        <Count name={t.can} can={count.any.can} of={count.any.of} strong />
        {count.kinds.map((k) => <Count key={k.kind} name={kindTitle(k.kind, language)} can={k.can} of={k.of} />)}
      </ul>
      <div className="board-filter" role="search">
        <Input ref={search} className="board-search" allowClear prefix={<SearchOutlined />} placeholder={t.search} aria-label={t.search} maxLength={100}
          value={filter.text} onChange={(e) => change({ text: e.target.value })} />
        <Select aria-label={t.team} value={filter.team} onChange={(team) => change({ team })} popupMatchSelectWidth={false}
          options={[{ value: "", label: t.allTeams }, ...named(teams), { value: "-", label: t.noTeam }]} />
        <Select aria-label={t.inbox} value={filter.inbox} onChange={(inbox) => change({ inbox })} popupMatchSelectWidth={false} options={[{ value: "", label: t.allInboxes }, ...named(inboxes)]} />
        <Select aria-label={t.kind} value={filter.kind} onChange={(kind) => change({ kind })} popupMatchSelectWidth={false}
          options={[{ value: "", label: t.allKinds }, ...kinds.map((k) => ({ value: k, label: kindTitle(k, language) }))]} />
        <Checkbox className="phone-hidden" checked={collapse} onChange={(e) => setCollapse(e.target.checked)}>{t.collapse}</Checkbox>
        <Checkbox checked={filter.unexpected} onChange={(e) => change({ unexpected: e.target.checked })}>{t.unexpected}{odd.length > 0 && <span className="numbers"> ({odd.length})</span>}</Checkbox>
        <label className="board-compact phone-hidden"><Switch size="small" checked={compact} onChange={setCompact} aria-label={t.compact} /> {t.compact}</label>
      </div>
      {rows.length > 0 && <Table rows={rows} shown={shown} filter={wanted} inboxes={inboxes} trips={seen.trips} compact={compact} />}
      {rows.length === 0 && (
        <Empty title={wanted.unexpected && meant.length > 0 ? t.noneOddTitle : t.noneTitle} text={wanted.unexpected && meant.length > 0 ? t.noneOddText : t.noneText}>
          <Button onClick={() => setFilter(noFilter)}>{t.clear}</Button>
        </Empty>
      )}
      {collapse && rows.length > 0 && shown.length < columns.length && <p className="soft board-note">{t.collapsed(t.list(columns.filter((c) => calm.has(c)).map((c) => t.columns[c])))}</p>}
      <Legend />
    </PageBody>
  );
}

function Count({ name, can, of, strong = false }: { readonly name: string; readonly can: number; readonly of: number; readonly strong?: boolean }): ReactNode {
  const t = useWords(boardText);
  return (
    <li className="board-count" data-strong={strong ? "" : undefined} data-none={can === 0 && of > 0 ? "" : undefined}>
      <span>{name}</span> <b className="numbers" aria-label={t.canWords(name, can, of)}>{t.of(can, of)}</b>
    </li>
  );
}

/** Pulse says how fresh the board is. It beats only while the server is heard. */
function Pulse({ seen }: { readonly seen: Seen }): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 2_000);
    return () => clearInterval(timer);
  }, []);
  const words = seen.state === "live" ? t.live : seen.state === "ended" ? t.ended : seen.state === "connecting" ? t.connecting
    : seen.heard === 0 ? t.lostNever : t.lost(ago(new Date(seen.heard), language, now));
  return <span className="board-pulse numbers" data-state={seen.state} role="status"><i aria-hidden="true" key={seen.state === "live" ? seen.heard : 0} />{words}</span>;
}

function Legend(): ReactNode {
  const t = useWords(boardText);
  return (
    <footer className="board-legend soft" aria-label={t.legend}>
      <Outcome outcome="pass" />
      <Outcome outcome="block">{t.legendBlock}</Outcome>
      <Outcome outcome="block" expected>{t.legendExpected}</Outcome>
      <Outcome outcome="wait" />
      <Outcome outcome="unknown" />
      <Outcome outcome="not_applicable" />
      <span className="board-cell" data-warns=""><Outcome outcome="pass">{t.legendWarning}</Outcome></span>
    </footer>
  );
}
