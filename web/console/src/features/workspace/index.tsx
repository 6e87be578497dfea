import { CommentOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { Empty } from "../../ui/states";
import { useKeys } from "../../app/keys";
import { part } from "../../app/part";
import { useWords } from "../../app/words";
import { useNarrow, usePhone } from "./clockwork";
import { ContactPane } from "./contact";
import { ListPane, useConversations } from "./list";
import { inView } from "./report";
import { conversationQuery, listQuery, tabs, type Tab } from "./queries";
import { workspaceText } from "./text";
import "./workspace.css";

// The list is there first; the thread comes right after it, also while none is open yet.
const ConversationPane = part(() => import("./conversation"), { waiting: <section className="ws-thread" /> });
const ContactDrawer = part(() => import("./drawer"), { waiting: null, quiet: true });

const tabKey = "bida.workspace.tab";

function storedTab(): Tab {
  const kept = sessionStorage.getItem(tabKey);
  return tabs.find((t) => t === kept) ?? "mine";
}

/** Workspace is where agents work: the conversations, the one that is open, and its customer. On a phone it is one of the three at a time. */
export default function Workspace(): ReactNode {
  const t = useWords(workspaceText);
  const params: unknown = useParams({ strict: false });
  const id = typeof params === "object" && params !== null && "conversation" in params && typeof params.conversation === "string" ? params.conversation : undefined;
  const navigate = useNavigate();
  const phone = usePhone();
  const narrow = useNarrow();
  const [tab, setTab] = useState<Tab>(storedTab);
  const [contact, showContact] = useState(!narrow);
  const conversation = useQuery({ ...conversationQuery(id ?? ""), enabled: id !== undefined }).data;
  const list = useConversations(tab);
  const choose = (to: Tab): void => {
    sessionStorage.setItem(tabKey, to);
    setTab(to);
  };
  useBadge();
  useEffect(() => void ConversationPane.preload(), []);
  useEffect(() => showContact(!narrow), [narrow]);
  const listed = !phone || id === undefined;
  useEffect(() => (listed ? inView({ tab }) : undefined), [listed, tab]);
  const keys = useMemo(() => {
    const go = (by: number): void => {
      const at = list.findIndex((c) => c.id === id);
      const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
      if (next) void navigate({ to: `/workspace/${next.id}` });
    };
    return [
      { key: "j", does: t.keys.next, group: t.listGroup, run: () => go(1) },
      { key: "k", does: t.keys.previous, group: t.listGroup, run: () => go(-1) },
      ...tabs.map((name, i) => ({ key: String(i + 1), does: t.keys.tab(t.tabs[name]), group: t.listGroup, run: () => {
        sessionStorage.setItem(tabKey, name);
        setTab(name);
      } })),
      { key: "u", does: t.keys.back, group: t.listGroup, run: () => void navigate({ to: "/workspace" }) },
    ];
  }, [list, id, navigate, t]);
  useKeys(keys);
  const pane = conversation && id === conversation.id ? conversation : undefined;
  return (
    <div className="ws" data-open={id === undefined ? undefined : ""} data-contact={contact && pane && !narrow ? "" : undefined}>
      {listed && <ListPane tab={tab} onTab={choose} selected={id} list={list} />}
      {id !== undefined ? <ConversationPane id={id} onContact={() => showContact(!contact)} contactShown={contact} />
        : !phone && <section className="ws-thread ws-none"><Empty icon={<CommentOutlined />} title={t.pickOne} text={t.pickOneText} /></section>}
      {pane && !narrow && contact && <ContactPane conversation={pane} />}
      {pane && narrow && contact && <ContactDrawer conversation={pane} bottom={phone} onClose={() => showContact(false)} />}
    </div>
  );
}

/** useBadge shows in the tab's title how many of one's conversations wait for an answer. */
function useBadge(): void {
  const t = useWords(workspaceText);
  const pages = useInfiniteQuery(listQuery("mine")).data?.pages;
  const due = (pages ?? []).flatMap((p) => p.conversations).filter((c) => c.unanswered > 0).length;
  useEffect(() => {
    document.title = due > 0 ? `(${due}) ${t.title} · Bida` : `${t.title} · Bida`;
    return () => {
      document.title = "Bida 必达";
    };
  }, [due, t]);
}
