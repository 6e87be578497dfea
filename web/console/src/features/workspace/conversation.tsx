import { App, Button, Dropdown, Tooltip } from "antd";
import { ArrowDownOutlined, ArrowLeftOutlined, CheckOutlined, ClockCircleOutlined, IdcardOutlined, MoreOutlined, SwapOutlined, UndoOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { clock, day, exact } from "@bida/shared/format";
import { Empty, ErrorState, Loading, useErrorWords } from "../../ui/states";
import { useKeys, type Key } from "../../app/keys";
import { useMe } from "../../app/me";
import { part } from "../../app/part";
import { useLanguage, useWords } from "../../app/words";
import { useNow, usePhone, useVisible } from "./clockwork";
import { Composer, type ComposerHandle } from "./composer";
import { CutLine } from "./connection";
import { useOutboxOf, useRemarks } from "./hooks";
import { doLater, undo, useLater } from "./later";
import { useLive } from "./live";
import { MessageBubble, SendingBubble, timeOf } from "./message";
import { nameOf } from "./name";
import { act, conversationQuery, readOlder, snooze, threadQuery, type Action, type Conversation } from "./queries";
import { lastRead, setLastRead } from "./read";
import { spans, untilOf } from "./snooze";
import { watch } from "./sound";
import { workspaceText } from "./text";
import { lay, onTheirWay } from "./thread";

const TransferDialog = part(() => import("./transfer"), { waiting: null, quiet: true });

interface Props {
  readonly id: string;
  readonly onContact: () => void;
  readonly contactShown: boolean;
}

/** ConversationPane is the thread with what can be done about it. */
export default function ConversationPane({ id, onContact, contactShown }: Props): ReactNode {
  const t = useWords(workspaceText);
  const navigate = useNavigate();
  const query = useQuery(conversationQuery(id));
  const remarks = useRemarks(id);
  if (query.isPending) return <section className="ws-thread"><div className="ws-pad"><Loading /></div></section>;
  if (query.error instanceof ApiError && query.error.status === 404) {
    return (
      <section className="ws-thread">
        <Empty title={t.gone} text={<>{remarks.map((r) => <span key={r.id} className="ws-block">{t.takenBack(r.text)}</span>)}{t.goneText}</>}>
          <Button onClick={() => void navigate({ to: "/workspace" })}>{t.back}</Button>
        </Empty>
      </section>
    );
  }
  if (query.data === undefined) return <section className="ws-thread"><ErrorState error={query.error} onRetry={() => void query.refetch()} /></section>;
  return <Shown key={id} conversation={query.data} onContact={onContact} contactShown={contactShown} />;
}

function Shown({ conversation: c, onContact, contactShown }: { readonly conversation: Conversation; readonly onContact: () => void; readonly contactShown: boolean }): ReactNode {
  const t = useWords(workspaceText);
  const composer = useRef<ComposerHandle>(null);
  const [transferring, setTransferring] = useState(false);
  const phone = usePhone();
  const acts = useActs(c);
  useAcknowledged(c);
  const keys = useMemo(() => {
    const group = t.group;
    const list: Key[] = [
      { key: "r", does: t.keys.reply, group, run: () => composer.current?.write("reply") },
      { key: "n", does: t.keys.note, group, run: () => composer.current?.write("note") },
    ];
    if (acts.may("transfer")) list.push({ key: "t", does: t.keys.transfer, group, run: () => setTransferring(true) });
    if (acts.may("resolve")) list.push({ key: "e", does: t.keys.resolve, group, run: () => acts.run("resolve") });
    if (acts.may("accept")) list.push({ key: "a", does: t.keys.accept, group, run: () => acts.run("accept") });
    if (acts.may("release")) list.push({ key: "x", does: t.keys.release, group, run: () => acts.run("release") });
    return list;
  }, [acts, t]);
  useKeys(keys);
  return (
    <section className="ws-thread" aria-label={t.thread}>
      <Head conversation={c} acts={acts} onTransfer={() => setTransferring(true)} onContact={onContact} contactShown={contactShown} />
      <Messages conversation={c} />
      <Later conversation={c.id} />
      {phone && <CutLine />}
      <Composer ref={composer} conversation={c} onTake={acts.may("accept") ? () => acts.run("accept") : undefined} />
      {transferring && <TransferDialog conversation={c} onClose={() => setTransferring(false)} />}
    </section>
  );
}

type Act = Action | "transfer" | "snooze";

interface Acts {
  readonly may: (act: Act) => boolean;
  readonly run: (act: Action) => void;
  readonly setAside: (until?: Date) => void;
  readonly busy: Action | undefined;
}

/** useActs knows what the person may do with a conversation, and does it. What cannot be undone on the server waits some seconds. */
function useActs(c: Conversation): Acts {
  const t = useWords(workspaceText);
  const words = useErrorWords();
  const me = useMe();
  const { message } = App.useApp();
  const [busy, setBusy] = useState<Action>();
  const run = useCallback((action: Action): void => {
    const now = async (): Promise<void> => {
      setBusy(action);
      try {
        await act(c.id, action);
        if (action === "accept") void message.success(t.taken);
      } catch (error) {
        void message.error(words(error));
      } finally {
        setBusy(undefined);
      }
    };
    const name = nameOf(c, t);
    if (action === "accept") void now();
    else doLater(c.id, action === "release" ? t.willRelease(name) : t.willResolve(name), () => void now());
  // words is made anew each time and means the same
  // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [c.id, c.contact_name, c.contact, message, t]);
  const setAside = useCallback((until?: Date): void => {
    snooze(c.id, until).catch((error: unknown) => void message.error(words(error)));
  // words is made anew each time and means the same
  // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [c.id, message]);
  return useMemo(() => {
    const holds = (permission: string): boolean => me?.permissions.includes(permission) ?? false;
    const own = c.owner === me?.account || holds("conversation.view_all");
    const open = c.status === "open";
    const may = (what: Act): boolean => {
      switch (what) {
        case "accept": return open && c.owner === null && holds("conversation.accept");
        case "snooze":
        case "resolve": return open && own && holds("conversation.resolve");
        case "transfer": return open && own && holds("conversation.transfer");
        case "release": return open && own && c.owner !== null && holds("conversation.release");
      }
    };
    return { may, run, setAside, busy };
  }, [me, c.owner, c.status, run, setAside, busy]);
}

/** useAcknowledged tells Bida what the person has seen and taken up: seen while the page is visible, accepted when its owner has it open. */
function useAcknowledged(c: Conversation): void {
  const live = useLive();
  const me = useMe();
  const visible = useVisible();
  const thread = useQuery(threadQuery(c.id)).data;
  const mine = me !== undefined && c.owner === me.account && c.status === "open";
  useEffect(() => {
    watch(c.id);
    return () => watch("");
  }, [c.id]);
  useEffect(() => {
    if (!live || !visible || thread === undefined) return;
    const look = (): void => {
      if (document.visibilityState !== "visible") return;
      const entries = mine ? live.deliveries.accept(c.id) : live.deliveries.see(c.id);
      if (entries.length === 0) return;
      if (mine) live.realtime.accepted(entries);
      live.realtime.seen(entries);
    };
    look();
    return live.deliveries.subscribe(look);
  }, [live, visible, thread, mine, c.id]);
  // What came before this tab was there has no entry here; the conversation is accepted all the same.
  const unaccepted = mine && !c.accepted && visible && thread !== undefined && me.permissions.includes("conversation.accept");
  useEffect(() => {
    if (!unaccepted) return;
    const timer = setTimeout(() => void act(c.id, "accept").catch(() => undefined), 800); // a lost race is shown by the conversation itself
    return () => clearTimeout(timer);
  }, [unaccepted, c.id]);
}

interface HeadProps {
  readonly conversation: Conversation;
  readonly acts: Acts;
  readonly onTransfer: () => void;
  readonly onContact: () => void;
  readonly contactShown: boolean;
}

function Head({ conversation: c, acts, onTransfer, onContact, contactShown }: HeadProps): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const phone = usePhone();
  const me = useMe();
  const navigate = useNavigate();
  const status = c.status === "resolved" ? t.status.resolved : c.owner === null ? c.waiting ? t.status.waiting : t.status.unowned : c.owner === me?.account ? t.status.mine : t.status.served(c.owner_title ?? c.owner);
  const more = [
    ...(phone && acts.may("transfer") ? [{ key: "transfer", icon: <SwapOutlined />, label: t.transfer, onClick: onTransfer }] : []),
    ...(acts.may("release") ? [{ key: "release", icon: <UndoOutlined />, label: t.release, onClick: () => acts.run("release") }] : []),
    ...(!acts.may("snooze") ? [] : c.snoozed_until !== undefined ? [{ key: "wake", icon: <ClockCircleOutlined />, label: t.wake, onClick: () => acts.setAside() }]
      : [{ key: "snooze", icon: <ClockCircleOutlined />, label: t.snooze, children: spans.map((span) => ({ key: span, label: t.snoozeSpans[span], onClick: () => acts.setAside(untilOf(span, new Date())) })) }]),
  ];
  return (
    <header className="ws-head">
      {phone && <Button type="text" icon={<ArrowLeftOutlined />} aria-label={t.back} onClick={() => void navigate({ to: "/workspace" })} />}
      <div className="ws-head-name">
        <h1><bdi>{nameOf(c, t)}</bdi></h1>
        <p className="soft"><span className="ws-status" data-status={c.status === "resolved" || c.owner === null && !c.waiting ? "quiet" : c.owner === null ? "waiting" : "served"}>{status}</span>{c.snoozed_until !== undefined && <> · <span className="numbers">{t.snoozedUntil(clock(c.snoozed_until, language))}</span></>} · <bdi>{c.inbox_title}</bdi></p>
      </div>
      <div className="ws-head-acts">
        {acts.may("accept") && <Button type="primary" loading={acts.busy === "accept"} onClick={() => acts.run("accept")}>{t.take}</Button>}
        {!phone && acts.may("transfer") && <Button icon={<SwapOutlined />} onClick={onTransfer} title={t.transfer} aria-label={t.transfer}>{t.transfer}</Button>}
        {acts.may("resolve") && <Button icon={<CheckOutlined />} loading={acts.busy === "resolve"} onClick={() => acts.run("resolve")} title={t.resolve} aria-label={t.resolve}>{phone ? undefined : t.resolve}</Button>}
        {more.length > 0 && <Dropdown menu={{ items: more }} trigger={["click"]} placement="bottomRight"><Button icon={<MoreOutlined />} aria-label={t.more} /></Dropdown>}
        <Tooltip title={contactShown ? t.hideContact : t.showContact}>
          <Button type="text" icon={<IdcardOutlined />} aria-label={contactShown ? t.hideContact : t.showContact} aria-pressed={contactShown} onClick={onContact} />
        </Tooltip>
      </div>
    </header>
  );
}

/** Later shows what is about to be done, and lets the person take it back. */
function Later({ conversation }: { readonly conversation: string }): ReactNode {
  const t = useWords(workspaceText);
  const later = useLater();
  const now = useNow(250);
  if (later?.conversation !== conversation) return null;
  return (
    <div className="ws-later" role="status">
      <span dir="auto">{later.words}</span>
      <span className="numbers soft">{t.inSeconds(Math.max(1, Math.ceil((later.due - now) / 1000)))}</span>
      <Button size="small" onClick={undo} autoFocus>{t.undo}</Button>
    </div>
  );
}

const nearEnd = 80; // pixels from the end that count as being there

/** Messages is the thread itself. It stays at the end when one is there, and where one reads when one reads further up. */
function Messages({ conversation: c }: { readonly conversation: Conversation }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const account = useMe()?.account ?? "";
  const query = useQuery(threadQuery(c.id));
  const outbox = useLive()?.outbox;
  const sending = useOutboxOf(c.id);
  const remarks = useRemarks(c.id);
  const visible = useVisible();
  const now = useNow(30_000);
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [older, setOlder] = useState<"idle" | "busy" | "failed">("idle");
  const [read] = useState(() => lastRead(account, c.id));
  const messages = useMemo(() => query.data?.messages ?? [], [query.data]);
  const items = useMemo(
    () => lay({ messages, sending, remarks, account, ...(read === undefined ? {} : { read }) }),
    [messages, sending, remarks, account, read],
  );
  const newest = messages.at(-1)?.sequence ?? 0;
  const [readHere, setReadHere] = useState(newest);
  const missed = atEnd ? 0 : messages.filter((m) => m.sequence > readHere && m.author !== account).length;

  // What the thread shows by now need not be remembered as on its way.
  useEffect(() => {
    const left = new Set(onTheirWay(sending, messages, account).map((s) => s.id));
    outbox?.shown(sending.filter((s) => !left.has(s.id)).map((s) => s.id));
  }, [sending, messages, account, outbox]);
  useEffect(() => {
    if (!visible || !atEnd || newest === 0) return;
    setLastRead(account, c.id, newest);
    setReadHere(newest);
  }, [visible, atEnd, newest, account, c.id]);

  const first = messages[0]?.sequence ?? 0;
  const before = useRef({ first: 0, height: 0 });
  useLayoutEffect(() => {
    const el = scroller.current;
    if (!el) return;
    const was = before.current;
    if (was.first > first && first > 0) el.scrollTop += el.scrollHeight - was.height; // older ones came in above
    else if (atEnd) el.scrollTop = el.scrollHeight;
    before.current = { first, height: el.scrollHeight };
  }, [items, first, atEnd]);
  // Pictures that come late and a window that changes its size must not move one away from the end.
  const inner = useRef<HTMLDivElement>(null);
  const there = query.data !== undefined;
  useEffect(() => {
    const el = scroller.current;
    if (!el || !inner.current || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      if (atEnd) el.scrollTop = el.scrollHeight;
      before.current = { ...before.current, height: el.scrollHeight };
    });
    observer.observe(inner.current);
    observer.observe(el);
    return () => observer.disconnect();
  }, [atEnd, there]);

  const more = async (): Promise<void> => {
    if (older === "busy" || !query.data?.older) return;
    setOlder("busy");
    try {
      await readOlder(c.id);
      setOlder("idle");
    } catch {
      setOlder("failed");
    }
  };
  const scroll = (): void => {
    const el = scroller.current;
    if (!el) return;
    setAtEnd(el.scrollHeight - el.scrollTop - el.clientHeight < nearEnd);
    if (el.scrollTop < 200 && older === "idle") void more();
  };
  if (query.isPending) return <div className="ws-messages"><div className="ws-pad"><Loading /></div></div>;
  if (query.data === undefined) return <div className="ws-messages"><ErrorState error={query.error} onRetry={() => void query.refetch()} /></div>;
  return (
    <div className="ws-messages-frame">
      <div className="ws-messages" ref={scroller} onScroll={scroll} tabIndex={0} role="log" aria-label={t.thread}>
        <div className="ws-messages-inner" ref={inner}>
          {query.data.older
            ? <Button type="text" size="small" className="ws-older" loading={older === "busy"} onClick={() => void more()}>{older === "failed" ? t.retry : t.older}</Button>
            : <p className="ws-beginning soft">{t.beginning}</p>}
          {items.map((item) => {
            switch (item.type) {
              case "day": return <p key={item.key} className="ws-day"><span>{day(item.at, language, new Date(now))}</span></p>;
              case "new": return <p key={item.key} className="ws-new"><span>{t.newMessages(item.count)}</span></p>;
              case "line": return <p key={item.key} className="ws-remark" dir="auto"><time dateTime={item.message.at} title={exact(item.message.at)}>{timeOf(item.message.at)}</time> {item.message.text}</p>;
              case "remark": return <p key={item.key} className="ws-remark" dir="auto">↩ {t.takenBack(item.remark.text)}</p>;
              case "message": return <MessageBubble key={item.key} message={item.message} follows={item.follows} mine={item.message.author === account} customer={nameOf(c, t)} />;
              case "sending": return <SendingBubble key={item.key} item={item.sending} />;
            }
          })}
        </div>
      </div>
      {!atEnd && (
        <Button className="ws-jump" shape="round" icon={<ArrowDownOutlined />} onClick={() => {
          setAtEnd(true);
          const el = scroller.current;
          if (el) el.scrollTop = el.scrollHeight;
        }}>{t.jumpNew(missed)}</Button>
      )}
    </div>
  );
}
