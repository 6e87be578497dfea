import { Button } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { clock, span } from "@bida/shared/format";
import { Choice } from "../../ui/choice";
import { ErrorState, Empty, Loading, Stale } from "../../ui/states";
import { useLanguage, useWords } from "../../app/words";
import { useMe } from "../../app/me";
import { useNow } from "./clockwork";
import { ConnectionLine } from "./connection";
import { useDrafted, useOutboxOf } from "./hooks";
import { nameOf } from "./name";
import { usePresence } from "./presence";
import { listQuery, tabs, type Conversation, type Tab } from "./queries";
import { useStatus } from "./live";
import { workspaceText } from "./text";
import { byUrgency } from "./urgency";

const rowHeight = 76;

interface Props {
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly selected: string | undefined;
  readonly list: readonly Conversation[];
}

/** ListPane holds the connection line, the lists with their counts, and the conversations of one. */
export function ListPane({ tab, onTab, selected, list }: Props): ReactNode {
  const t = useWords(workspaceText);
  const query = useInfiniteQuery(listQuery(tab));
  const counts = query.data?.pages[0]?.counts;
  const label = (name: Tab): ReactNode => {
    const n = name === "resolved" ? undefined : counts?.[name];
    return <span className="ws-tab">{t.tabs[name]}{n !== undefined && n > 0 && <span className="numbers ws-count" data-due={name === "waiting" ? "" : undefined}>{n > 999 ? "999+" : n}</span>}</span>;
  };
  return (
    <section className="ws-list" aria-label={t.lists}>
      {selected === undefined && <h1 className="visually-hidden">{t.title}</h1>}
      <ConnectionLine />
      <div className="ws-tabs">
        <Choice<Tab> label={t.lists} value={tab} onChange={onTab} options={tabs.map((name) => ({ value: name, label: label(name) }))} />
      </div>
      {query.isPending ? <div className="ws-pad"><Loading rows={8} /></div>
        : query.isError && query.data === undefined ? <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          : list.length === 0 ? <Nothing tab={tab} /> : <Rows list={list} selected={selected} tab={tab} more={query.hasNextPage ? () => void query.fetchNextPage() : undefined} busy={query.isFetchingNextPage} />}
      <Old at={query.dataUpdatedAt} failed={query.isError && query.data !== undefined} />
    </section>
  );
}

/** Old says how old the list is when it cannot be kept up to date. */
function Old({ at, failed }: { readonly at: number; readonly failed: boolean }): ReactNode {
  const live = useStatus().state === "live";
  return live && !failed ? null : <p className="ws-old"><Stale at={at} after={15_000} /></p>;
}

function Nothing({ tab }: { readonly tab: Tab }): ReactNode {
  const t = useWords(workspaceText);
  const me = useMe();
  const { set, busy } = usePresence();
  if (tab === "mine" && me !== undefined && me.agent && me.presence.value !== "available") {
    return (
      <Empty title={t.firstUse} text={t.firstUseText}>
        {me.permissions.includes("presence.set") && <Button type="primary" loading={busy} onClick={() => void set({ value: "available" })}>{t.goAvailable}</Button>}
      </Empty>
    );
  }
  return <Empty title={t.listEmpty[tab]} text={t.listEmptyText[tab]} />;
}

interface RowsProps {
  readonly list: readonly Conversation[];
  readonly selected: string | undefined;
  readonly tab: Tab;
  readonly more: (() => void) | undefined;
  readonly busy: boolean;
}

/** Rows shows as many conversations as fit, however many there are. */
function Rows({ list, selected, tab, more, busy }: RowsProps): ReactNode {
  const t = useWords(workspaceText);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: list.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 8, getItemKey: (i) => list[i]?.id ?? i });
  const at = list.findIndex((c) => c.id === selected);
  useEffect(() => {
    if (at >= 0) rows.scrollToIndex(at, { align: "auto" });
  }, [at, rows]);
  const lastShown = rows.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && !busy && lastShown >= list.length - 5) more();
  }, [more, busy, lastShown, list.length]);
  return (
    <div className="ws-rows" ref={scroller}>
      <ul style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const c = list[row.index];
          return c && <li key={c.id} style={{ transform: `translateY(${row.start}px)` }}><Row conversation={c} selected={c.id === selected} tab={tab} /></li>;
        })}
      </ul>
      {more && <Button type="text" block loading={busy} onClick={more}>{t.loadMore}</Button>}
    </div>
  );
}

function Row({ conversation: c, selected, tab }: { readonly conversation: Conversation; readonly selected: boolean; readonly tab: Tab }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const me = useMe()?.account;
  const now = useNow(20_000);
  const draft = useDrafted(c.id);
  const failed = useOutboxOf(c.id).some((o) => o.state === "failed");
  const at = c.last_message?.at ?? c.updated_at;
  const due = c.unanswered > 0 && c.status === "open";
  return (
    <Link to={`/workspace/${c.id}`} className="ws-row" aria-current={selected ? "true" : undefined} data-due={due ? "" : undefined}>
      <span className="ws-row-head">
        <bdi className="ws-name">{nameOf(c, t)}</bdi>
        <time className="numbers soft" dateTime={at}>{clock(at, language, new Date(now))}</time>
      </span>
      <span className="ws-row-text">
        <span className="ws-preview" dir="auto">
          {draft && !selected ? <><em className="ws-draft">{t.draft}</em> {draft}</> : <Preview conversation={c} me={me} />}
        </span>
        {failed ? <b className="ws-badge" data-failed="" aria-label={t.state.failed}>!</b> : due && <b className="ws-badge numbers" aria-label={t.unanswered(c.unanswered)}>{c.unanswered > 99 ? "99+" : c.unanswered}</b>}
      </span>
      <span className="ws-row-foot soft">
        <bdi className="ws-clip">{c.inbox_title}</bdi>
        {c.waiting && c.status === "open" ? <span className="ws-wait numbers">◷ {t.waitingFor(span(Math.max(0, now - new Date(c.unanswered_since ?? c.updated_at).getTime()), language))}</span>
          : tab !== "mine" && <bdi className="ws-clip">{c.status === "resolved" ? c.last_owner_title ?? "" : c.owner === me ? t.status.mine : c.owner_title ?? t.status.unowned}</bdi>}
      </span>
    </Link>
  );
}

/** Preview is the beginning of the last message, with who wrote it. */
function Preview({ conversation: c, me }: { readonly conversation: Conversation; readonly me: string | undefined }): ReactNode {
  const t = useWords(workspaceText);
  const m = c.last_message;
  if (!m) return null;
  const text = m.text === "" ? t.file : m.text;
  if (m.direction === "held") return <i className="ws-note-mark">{t.messageOf.held}</i>;
  if (m.direction === "note") return <><i className="ws-note-mark">{t.noteBy}</i> {text}</>;
  return m.direction === "out" && m.author === me ? <>{t.you}: {text}</> : <>{text}</>;
}

/** useConversations is one list as far as it was read. */
export function useConversations(tab: Tab): readonly Conversation[] {
  const pages = useInfiniteQuery(listQuery(tab)).data?.pages;
  const [kept, keep] = useState<{ readonly pages: unknown; readonly list: readonly Conversation[] }>({ pages: undefined, list: [] });
  if (kept.pages === pages) return kept.list;
  const byId = new Map((pages ?? []).flatMap((p) => p.conversations).map((c) => [c.id, c]));
  const list = [...byId.values()];
  if (tab === "mine") list.sort(byUrgency);
  keep({ pages, list });
  return list;
}
