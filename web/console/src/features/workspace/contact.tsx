import { Button } from "antd";
import { CloseOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { ErrorState, Loading } from "../../ui/states";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { nameOf } from "./name";
import { receiversQuery, type Conversation } from "./queries";
import { ReceiverLine } from "./receiver";
import { workspaceText } from "./text";


/** ContactPane says who the customer is, how the conversation stands and, of one that waits, why and who could take it. */
export function ContactPane({ conversation: c, onClose }: { readonly conversation: Conversation; readonly onClose?: () => void }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const facts: readonly (readonly [string, ReactNode])[] = [
    [t.contactId, <span className="ws-id" key="id" dir="auto">{c.contact}</span>],
    [t.inbox, <bdi key="inbox">{c.inbox_title}</bdi>],
    [t.mode, t.modes[c.mode]],
    [t.kind, kindTitle(c.kind, language)],
    [t.owner, <bdi key="owner">{c.owner_title ?? t.nobody}</bdi>],
    ...(c.last_owner_title !== undefined && c.last_owner !== c.owner ? [[t.lastOwner, <bdi key="last">{c.last_owner_title}</bdi>] as const] : []),
    [t.opened, <span className="numbers" key="opened">{clock(c.opened_at, language)}</span>],
    [t.count, <span className="numbers" key="count">{c.sequence}</span>],
    [t.number, <span className="ws-id numbers" key="number">{c.id}</span>],
  ];
  return (
    <aside className="ws-contact" aria-label={t.contact} tabIndex={0}>
      <header>
        <h2><bdi>{nameOf(c, t)}</bdi></h2>
        {onClose && <Button type="text" icon={<CloseOutlined />} aria-label={t.hideContact} onClick={onClose} />}
      </header>
      {c.waiting && c.status === "open" && (
        <section className="ws-why">
          <h3><span aria-hidden="true">◷</span> {t.whyWaiting}</h3>
          <p dir="auto">{c.waiting.summary}</p>
        </section>
      )}
      <dl className="ws-facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <Rating conversation={c} />
      {c.waiting && c.status === "open" && <WhoCould id={c.id} />}
    </aside>
  );
}

/** Rating is what the customer thought of it, where the server says so. */
function Rating({ conversation }: { readonly conversation: Conversation }): ReactNode {
  const t = useWords(workspaceText);
  const rating = conversation.rating;
  if (!rating) return null;
  const { score, comment } = rating;
  return (
    <section>
      <h3>{t.rating}</h3>
      <p><span aria-hidden="true" className="ws-stars">{"★".repeat(score)}{"☆".repeat(Math.max(0, 5 - score))}</span> {t.scores(score)}</p>
      {comment !== undefined && comment !== "" && <p dir="auto" className="ws-comment">{comment}</p>}
    </section>
  );
}

function WhoCould({ id }: { readonly id: string }): ReactNode {
  const t = useWords(workspaceText);
  const may = useMay("conversation.transfer");
  const query = useQuery({ ...receiversQuery(id), enabled: may });
  if (!may) return null;
  return (
    <section>
      <h3>{t.whoCould}</h3>
      {query.isPending ? <Loading rows={3} /> : query.isError ? <ErrorState error={query.error} onRetry={() => void query.refetch()} />
        : query.data.receivers.length === 0 ? <p className="soft">{t.whoCouldNone}</p>
          : <ul className="ws-could">{query.data.receivers.map((r) => <li key={r.account}><ReceiverLine receiver={r} /></li>)}</ul>}
    </section>
  );
}
