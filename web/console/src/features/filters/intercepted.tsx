import { App, Button, Modal, Radio, Segmented, Select, Tag } from "antd";
import { CheckOutlined, SafetyOutlined } from "@ant-design/icons";
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { clock, exact, kindTitle } from "@bida/shared/format";
import { useMay } from "../../app/me";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, Stale, useErrorWords } from "../../ui/states";
import { Marked, Reasons } from "./parts";
import { applyProposal, inboxesQuery, interceptedQuery, notSpamQuery, release, whyQuery, type Intercepted, type State } from "./queries";
import { filtersText } from "./text";
import "./filters.css";

const states = ["held", "released", "rejected"] as const;

/** What filter rules kept back or refused: read, released, or made a reason to change the rule. */
export default function InterceptedPage(): ReactNode {
  const t = useWords(filtersText);
  const [parameters, change] = useParameters();
  const state: State = states.find((s) => s === parameters["state"]) ?? "held";
  const inbox = parameters["inbox"] ?? "";
  const list = useInfiniteQuery(interceptedQuery(state, inbox));
  const mayInboxes = useMay("policy.view");
  const inboxes = useQuery({ ...inboxesQuery, enabled: mayInboxes }).data ?? [];
  const messages = list.data?.pages.flatMap((p) => p.messages);
  return (
    <PageBody title={t.intercepted} extra={<Stale at={list.dataUpdatedAt} after={40_000} />}>
      <div className="filters-bar" role="search">
        <Segmented<State> aria-label={t.stateLabel} value={state} onChange={(s) => change({ state: s === "held" ? undefined : s })}
          options={states.map((value) => ({ value, label: t.states[value] }))} />
        {inboxes.length > 0 && (
          <Select aria-label={t.inbox} value={inbox} onChange={(v) => change({ inbox: v })} popupMatchSelectWidth={false} className="filters-inbox"
            options={[{ value: "", label: t.allInboxes }, ...inboxes.map((i) => ({ value: i.name, label: i.title }))]} />
        )}
      </div>
      {messages === undefined ? (list.error ? <ErrorState error={list.error} onRetry={() => void list.refetch()} /> : <Loading />)
        : messages.length === 0 ? <Empty icon={<SafetyOutlined />} title={state === "held" ? t.emptyHeld : t.emptyOther} text={state === "held" ? t.emptyHeldText : t.emptyOtherText} />
        : <ul className="filters-list">{messages.map((m) => <li key={m.message} className="card"><Message message={m} /></li>)}</ul>}
      {list.hasNextPage && <div className="filters-more"><Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t.more}</Button></div>}
    </PageBody>
  );
}

function Message({ message: m }: { readonly message: Intercepted }): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(false);
  const why = useQuery({ ...whyQuery(m.message), enabled: open });
  return (
    <article aria-label={`${t.states[m.state]} ${m.message}`}>
      <header className="filters-head">
        <bdi>{m.inbox_title ?? m.inbox}</bdi>
        <span className="soft">{kindTitle(m.kind, language)} · <bdi>{t.from(m.contact)}</bdi></span>
        <time className="soft numbers" dateTime={m.at} title={exact(m.at)}>{clock(m.at, language, new Date(), true)}</time>
      </header>
      {m.text === "" ? <p className="soft">{t.noText}</p> : <Marked text={m.text} hits={why.data?.rule.hits ?? []} />}
      <p className="filters-line">
        <Tag color="warning"><bdi>{t.byRule(m.rule.title ?? m.rule.name)}</bdi></Tag>
        {m.tags.map((tag) => <Tag key={tag}><bdi>{tag}</bdi></Tag>)}
        {m.attachments.length > 0 && <span className="soft">{t.files(m.attachments.length)}</span>}
        {m.released_at !== undefined && <span><CheckOutlined aria-hidden="true" /> <bdi>{t.releasedBy(m.released_by_title ?? m.released_by ?? "", clock(m.released_at, language))}</bdi></span>}
      </p>
      {open && <Why id={m.message} />}
      <div className="filters-do">
        {m.state === "held" && <Release id={m.message} />}
        <Button onClick={() => setAsked(true)}>{t.notSpam}</Button>
        <Button type="text" aria-expanded={open} onClick={() => setOpen(!open)}>{t.why}</Button>
        <Link to="/messages/$id" params={{ id: m.message }}>{t.trace}</Link>
        {m.conversation !== undefined && <Link to={`/workspace/${m.conversation}`}>{t.conversation}</Link>}
      </div>
      {asked && <NotSpam id={m.message} onClose={() => setAsked(false)} />}
    </article>
  );
}

/** Why names the rule as it was then, whose it was, and what of the message it matched. */
function Why({ id }: { readonly id: string }): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const why = useQuery(whyQuery(id));
  if (why.data === undefined) return why.error ? <ErrorState error={why.error} onRetry={() => void why.refetch()} /> : <Loading rows={2} />;
  const rule = why.data.rule;
  if (rule.revision === undefined) return <p className="soft">{t.gone}</p>;
  return (
    <section className="filters-why" aria-label={t.why}>
      <p><bdi>{t.byRule(rule.title ?? rule.name)}</bdi>{rule.reason !== undefined && <> · <bdi>{rule.reason}</bdi></>}</p>
      {rule.at !== undefined && <p className="soft"><bdi>{t.ruleMade(rule.by_title ?? rule.by ?? "", clock(rule.at, language), rule.revision)}</bdi></p>}
      <Reasons hits={rule.hits} />
    </section>
  );
}

function Release({ id }: { readonly id: string }): ReactNode {
  const t = useWords(filtersText);
  const words = useErrorWords();
  const { message } = App.useApp();
  const may = useMay("quarantine.release");
  const act = useMutation({
    mutationFn: () => release(id),
    onSuccess: () => void message.success(t.releaseDone(id)),
    onError: (error) => void message.error(words(error)),
  });
  return may ? <Button type="primary" loading={act.isPending} onClick={() => act.mutate()}>{t.release}</Button> : null;
}

/** NotSpam offers the changes of the rule that were tried on the message. */
function NotSpam({ id, onClose }: { readonly id: string; readonly onClose: () => void }): ReactNode {
  const t = useWords(filtersText);
  const words = useErrorWords();
  const { message } = App.useApp();
  const mayEdit = useMay("policy.edit");
  const [chosen, setChosen] = useState(0);
  const found = useQuery(notSpamQuery(id, useLanguage()));
  const proposals = found.data?.proposals ?? [];
  const one = proposals[chosen];
  const apply = useMutation({
    mutationFn: applyProposal,
    onSuccess: (revision) => {
      void message.success(t.applied(revision));
      onClose();
    },
    onError: (error) => void message.error(words(error)),
  });
  return (
    <Modal open title={t.notSpamTitle} onCancel={onClose} cancelText={t.cancel} okText={t.apply} okButtonProps={{ disabled: !mayEdit || one === undefined, loading: apply.isPending }}
      onOk={() => one && apply.mutate(one)}>
      {found.data === undefined ? (found.error ? <ErrorState error={found.error} onRetry={() => void found.refetch()} /> : <Loading rows={2} />)
        : proposals.length === 0 ? <p>{t.noProposal}</p> : (
          <>
            <p>{t.notSpamText}</p>
            <Radio.Group value={chosen} onChange={(e) => setChosen(Number(e.target.value))} className="filters-choices">
              {proposals.map((p, i) => (
                <Radio key={p.words} value={i}>
                  <bdi>{p.words}</bdi>
                  <span className="soft filters-after">{p.after.outcome === "quarantined" || p.after.outcome === "rejected" ? t.still(p.after.rule ?? "") : t.passes}</span>
                </Radio>
              ))}
            </Radio.Group>
            {!mayEdit && <p className="soft">{t.mayNotEdit}</p>}
          </>
        )}
    </Modal>
  );
}
