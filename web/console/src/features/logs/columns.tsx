import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { clock, exact, kindTitle } from "@bida/shared/format";
import type { Language } from "@bida/shared/text";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { detailsOf } from "./details";
import type { Log } from "./filter";
import type { ErrorRow, IntakeRow, OperationRow, PushRow, RowsOf, SignInRow } from "./queries";
import { logsText } from "./text";

type Words = ReturnType<typeof useWords<typeof logsText.zh>>;

/** One column of a log. */
export interface Column<R> {
  readonly title: string;
  readonly cell: (row: R) => ReactNode;
}

/** wordOf puts a word of the API into the person's language; one that is not known is shown as it is. */
export function wordOf(words: Readonly<Record<string, string>>, word: string): string {
  return words[word] ?? word;
}

/** A colour and a shape for each state; the word stands beside it. */
const shapes: Readonly<Record<string, readonly [shape: string, tone: string]>> = {
  delivered: ["✓", "pass"], open: ["✓", "pass"], lost: ["✕", "block"], failed: ["✕", "block"], failing: ["✕", "block"], job_dead: ["✕", "block"],
  not_submitted: ["✕", "quiet"], refused: ["✕", "quiet"], intercepted: ["⊘", "wait"], waiting: ["◷", "wait"], job_failing: ["◷", "wait"], unknown: ["?", "unknown"],
  withdrawn: ["↩", "quiet"], ended: ["–", "quiet"], clock: ["◷", "quiet"],
};

function State({ state, words }: { readonly state: string; readonly words: Readonly<Record<string, string>> }): ReactNode {
  const [shape, tone] = shapes[state] ?? ["·", "quiet"];
  return <span className="logs-state" data-tone={tone}><i aria-hidden="true">{shape}</i> {wordOf(words, state)}</span>;
}

function Time({ at }: { readonly at: string | undefined }): ReactNode {
  const language = useLanguage();
  if (at === undefined) return <span className="soft">–</span>;
  return <time className="numbers" dateTime={at} title={exact(at)}>{clock(at, language, new Date(), true)}</time>;
}

function Message({ id }: { readonly id: string | undefined }): ReactNode {
  const t = useWords(logsText);
  if (id === undefined || id === "") return <span className="soft">–</span>;
  return <Link to="/messages/$id" params={{ id }} aria-label={t.trace(id)}><code>{id}</code></Link>;
}

/** An agent, with the diagnosis of a message or of the agent alone behind its name. */
function Agent({ name, title, message }: { readonly name: string; readonly title?: string; readonly message?: string }): ReactNode {
  const t = useWords(logsText);
  const others = useMay("diagnosis.view");
  const shown = <bdi title={name}>{title ?? name}</bdi>;
  if (!others) return shown;
  const search: Record<string, string> = { agent: name, ...(message === undefined ? {} : { message }) };
  return <Link to="/diagnosis" search={search} aria-label={`${t.diagnose} ${title ?? name}`}>{shown}</Link>;
}

function Code({ code, words }: { readonly code: string | undefined; readonly words: string | undefined }): ReactNode {
  if (code === undefined || code === "") return <span className="soft">–</span>;
  return words === undefined || words === "" ? <code>{code}</code> : <bdi title={code}>{words}</bdi>;
}

const plain = (text: string | undefined): ReactNode => (text === undefined || text === "" ? <span className="soft">–</span> : <bdi title={text}>{text}</bdi>);

function intake(t: Words, language: Language): readonly Column<IntakeRow>[] {
  const c = t.columns;
  return [
    { title: c.time, cell: (r) => <Time at={r.at} /> },
    { title: c.state, cell: (r) => <State state={r.state} words={t.states} /> },
    { title: c.message, cell: (r) => <Message id={r.message} /> },
    { title: c.inbox, cell: (r) => plain(r.inbox_title) },
    { title: c.kind, cell: (r) => (r.kind === undefined ? plain("") : kindTitle(r.kind, language)) },
    { title: c.sender, cell: (r) => plain(r.sender_id) },
    { title: c.result, cell: (r) => wordOf(t.intakeResults, r.result) },
    { title: c.reason, cell: (r) => <><Code code={r.code} words={r.words} />{r.field !== undefined && <code className="soft"> {r.field}</code>}</> },
    { title: c.agents, cell: (r) => (r.agents.length === 0 ? plain(r.account) : <span className="logs-agents">{r.agents.map((a) => <Agent key={a} name={a} message={r.message ?? ""} />)}</span>) },
  ];
}

function push(t: Words, language: Language): readonly Column<PushRow>[] {
  const c = t.columns;
  const tries = (r: PushRow): string => {
    const last = r.attempts[r.attempts.length - 1];
    return last === undefined ? t.notPushed : t.tries(r.attempts.length, wordOf(t.pushResults, last.result));
  };
  return [
    { title: c.time, cell: (r) => <Time at={r.at} /> },
    { title: c.state, cell: (r) => <State state={r.state} words={t.states} /> },
    { title: c.message, cell: (r) => (r.type === "message" ? <Message id={r.message} /> : <span className="soft">{r.type === "test" ? t.test : t.notice}</span>) },
    { title: c.agent, cell: (r) => <Agent name={r.agent} title={r.agent_title} {...(r.type === "message" ? { message: r.message } : {})} /> },
    { title: c.inbox, cell: (r) => plain(r.inbox_title) },
    { title: c.kind, cell: (r) => kindTitle(r.kind, language) },
    { title: c.attempts, cell: (r) => <span className="numbers">{tries(r)}</span> },
    { title: c.client, cell: (r) => plain(r.received_by ?? r.attempts[r.attempts.length - 1]?.client) },
    { title: c.received, cell: (r) => <Time at={r.received_at} /> },
    { title: c.seen, cell: (r) => <Time at={r.seen_at} /> },
    { title: c.accepted, cell: (r) => <Time at={r.accepted_at} /> },
    { title: c.withdrawn, cell: (r) => (r.withdrawn_at === undefined ? plain("") : <><Time at={r.withdrawn_at} /> <Code code={r.code} words={r.words} /></>) },
  ];
}

function signIn(t: Words): readonly Column<SignInRow>[] {
  const c = t.columns;
  const ended = (r: SignInRow): string => t.endedBy(wordOf(t.ends, r.end_cause ?? ""), r.ended_by === "system" ? t.system : (r.ended_by ?? ""));
  return [
    { title: c.time, cell: (r) => <Time at={r.at} /> },
    { title: c.state, cell: (r) => <><State state={r.result} words={t.results} />{r.count !== undefined && <span className="soft numbers"> {t.times(r.count)}</span>}</> },
    { title: c.account, cell: (r) => (r.account === undefined ? <span className="soft">{t.nobody}</span> : <bdi title={r.account}>{r.account_title ?? r.account}</bdi>) },
    { title: c.how, cell: (r) => wordOf(t.hows, r.how) },
    { title: c.client, cell: (r) => plain(r.client) },
    { title: c.address, cell: (r) => plain(r.remote) },
    { title: c.ended, cell: (r) => (r.ended_at === undefined ? plain("") : <><Time at={r.ended_at} /> <bdi>{ended(r)}</bdi></>) },
    { title: c.reason, cell: (r) => <Code code={r.code} words={undefined} /> },
  ];
}

function operations(t: Words): readonly Column<OperationRow>[] {
  const c = t.columns;
  return [
    { title: c.time, cell: (r) => <Time at={r.at} /> },
    { title: c.account, cell: (r) => <bdi title={r.by}>{r.by === "system" ? t.system : r.by_title}</bdi> },
    { title: c.action, cell: (r) => <span title={r.action}>{wordOf(t.actions, r.action)}</span> },
    { title: c.object, cell: (r) => <OperationObject row={r} /> },
    { title: c.source, cell: (r) => plain(wordOf(t.sources, r.source ?? "")) },
    { title: c.request, cell: (r) => (r.request === undefined ? plain("") : <code>{r.request}</code>) },
    { title: c.detail, cell: (r) => <span className="logs-details">{plain(detailsOf(r.details, t))}</span> },
  ];
}

/** What was acted on, as a link where the console has a page for it. */
function OperationObject({ row }: { readonly row: OperationRow }): ReactNode {
  const t = useWords(logsText);
  const policy = useMay("policy.view");
  const [area, name] = row.object.split("/", 2);
  if (area === "account" && name !== undefined && name !== "?" && policy) return <Link to={`/agents/${encodeURIComponent(name)}`}><bdi>{name}</bdi></Link>;
  if (area === "revision" && name !== undefined) return <span className="numbers">{t.revision(Number(name))}</span>;
  if (/^m\d+$/.test(row.object)) return <Message id={row.object} />;
  return <code>{row.object}</code>;
}

function errors(t: Words): readonly Column<ErrorRow>[] {
  const c = t.columns;
  return [
    { title: c.time, cell: (r) => <Time at={r.at} /> },
    { title: c.what, cell: (r) => <State state={r.what} words={t.whats} /> },
    { title: c.part, cell: (r) => (r.what === "refused" ? <Code code={r.part} words={r.words} /> : <code>{r.part}</code>) },
    { title: c.detail, cell: (r) => plain(r.detail) },
    { title: c.count, cell: (r) => <span className="numbers">{r.count ?? ""}</span> },
    { title: c.until, cell: (r) => (r.what === "failing" ? t.now : <Time at={r.until} />) },
  ];
}

/** The columns of a log. */
export function useColumns<L extends Log>(log: L): readonly Column<RowsOf[L]>[] {
  const t = useWords(logsText);
  const language = useLanguage();
  const all: { readonly [K in Log]: readonly Column<RowsOf[K]>[] } = {
    intake: intake(t, language), push: push(t, language), "sign-in": signIn(t), operations: operations(t), errors: errors(t),
  };
  return all[log];
}
