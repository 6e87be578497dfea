import { App, Button, Checkbox, DatePicker, Input, Modal, Select } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import dayjs, { type Dayjs } from "dayjs";
import { useState, type ReactNode } from "react";
import { ApiError, ask } from "@bida/shared/api";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { api } from "../../app/api";
import { useLanguage, useWords } from "../../app/words";
import { Choice } from "../../ui/choice";
import { Outcome } from "../../ui/outcome";
import { ErrorState, Loading, useErrorWords } from "../../ui/states";
import { act, transfer } from "../workspace/queries";
import { switchesOf, type Row } from "./model";
import { effectQuery, heldQuery, save, settingQuery, takersQuery, type Conversation, type Spec } from "./queries";
import { boardText } from "./text";

interface Props {
  readonly row: Row;
  readonly onClose: () => void;
}

const nameOf = (row: Row): string => (row.title !== undefined && row.title.trim() !== "" ? row.title : row.agent);

/** useSave writes something; what went wrong is said in its place, and a document that somebody else changed is read again. */
function useSave(run: () => Promise<void>, done: () => void): { readonly go: () => void; readonly busy: boolean; readonly wrong: string | undefined } {
  const t = useWords(boardText);
  const words = useErrorWords();
  const cache = useQueryClient();
  const m = useMutation({
    mutationFn: run,
    onSuccess: done,
    onError: (e) => e instanceof ApiError && e.status === 412 && void cache.invalidateQueries({ queryKey: ["board"] }),
  });
  const wrong = m.error === null ? undefined : m.error instanceof ApiError && m.error.status === 412 ? t.stale : words(m.error);
  return { go: () => m.mutate(), busy: m.isPending, wrong };
}

const values = ["available", "away", "dnd", "offline"] as const;

/** PresenceDialog sets somebody's presence. */
export function PresenceDialog({ row, onClose }: Props): ReactNode {
  const t = useWords(boardText);
  const { message } = App.useApp();
  const now = values.find((v) => v === row.presence.value);
  const [value, setValue] = useState<(typeof values)[number]>(now === "available" ? "away" : "available");
  const [reason, setReason] = useState("");
  const save = useSave(async () => {
    await ask(api.PUT("/accounts/{name}/presence", { params: { path: { name: row.agent } }, body: { value, ...(reason.trim() === "" ? {} : { reason: reason.trim() }) } }));
  }, () => {
    void message.success(t.presenceDone(nameOf(row), t.presences[value]));
    onClose();
  });
  return (
    <Modal open title={<bdi>{t.presenceTitle(nameOf(row))}</bdi>} okText={t.apply} cancelText={t.cancel} okButtonProps={{ loading: save.busy }} onCancel={onClose} onOk={save.go}>
      <div className="board-dialog">
        <Choice label={t.setPresence} value={value} options={values.map((v) => ({ value: v, label: t.presences[v] }))} onChange={setValue} />
        <p className="soft">{t.presenceHint[value]}</p>
        {value !== "available" && <Input aria-label={t.presenceReason} placeholder={t.presenceReason} maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} />}
        {save.wrong !== undefined && <p role="alert" className="board-wrong">{save.wrong}</p>}
      </div>
    </Modal>
  );
}

const queue = "";

/** HandOverDialog hands conversations to a colleague, or back to waiting; each has its own result. */
export function HandOverDialog({ row, mayTransfer, mayRelease, onClose }: Props & { readonly mayTransfer: boolean; readonly mayRelease: boolean }): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const words = useErrorWords();
  const cache = useQueryClient();
  const held = useQuery(heldQuery(row.agent));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set()); // not chosen
  const [to, setTo] = useState<string | undefined>(mayTransfer ? undefined : queue);
  const [results, setResults] = useState<ReadonlyMap<string, string>>(new Map()); // "" where it was done
  const [busy, setBusy] = useState(false);
  const all = held.data ?? [];
  const open = all.filter((c) => results.get(c.id) !== "");
  const chosen = open.filter((c) => !left.has(c.id));
  const takers = useQuery({ ...takersQuery(chosen), enabled: mayTransfer && chosen.length > 0 && !busy });
  const done = [...results.values()].filter((r) => r === "").length;
  const toggle = (id: string): void => setLeft((was) => {
    const next = new Set(was);
    if (!next.delete(id)) next.add(id);
    return next;
  });
  const go = async (): Promise<void> => {
    if (to === undefined) return;
    setBusy(true);
    for (const c of chosen) {
      let result = "";
      try {
        await (to === queue ? act(c.id, "release") : transfer(c.id, to));
      } catch (error) {
        result = words(error);
      }
      setResults((was) => new Map([...was, [c.id, result]]));
    }
    setBusy(false);
    void cache.invalidateQueries({ queryKey: ["board", "takers"] });
  };
  const said = (c: Conversation): ReactNode => {
    const result = results.get(c.id);
    if (result === undefined) return <span className="soft numbers">{c.unanswered > 0 ? t.waitingFor(c.unanswered) : t.answered}</span>;
    return result === "" ? <Outcome outcome="pass">{to === queue ? t.released : t.handedOver}</Outcome> : <Outcome outcome="block">{result}</Outcome>;
  };
  return (
    <Modal open title={<bdi>{t.handOverTitle(nameOf(row))}</bdi>} onCancel={onClose} width={560} footer={[
      <span key="done" className="soft numbers" role="status">{results.size > 0 && t.handDone(done, results.size)} </span>,
      <Button key="close" onClick={onClose}>{open.length === 0 && results.size > 0 ? t.close : t.cancel}</Button>,
      <Button key="go" type="primary" loading={busy} disabled={chosen.length === 0 || to === undefined} onClick={() => void go()}>{t.doHandOver(chosen.length)}</Button>]}>
      <div className="board-dialog">
        {held.isPending ? <Loading rows={3} /> : held.isError ? <ErrorState error={held.error} onRetry={() => void held.refetch()} /> : (
          <>
            <Checkbox checked={chosen.length === open.length} indeterminate={chosen.length > 0 && chosen.length < open.length} disabled={busy || open.length === 0}
              onChange={(e) => setLeft(e.target.checked ? new Set() : new Set(open.map((c) => c.id)))}>{t.chooseAll} <span className="soft numbers">{t.chosen(chosen.length, open.length)}</span></Checkbox>
            <ul className="board-list">
              {all.map((c) => (
                <li key={c.id}>
                  <Checkbox checked={!left.has(c.id)} disabled={busy || results.get(c.id) === ""} onChange={() => toggle(c.id)} aria-label={c.contact_name ?? c.contact} />
                  <span><bdi>{c.contact_name ?? c.contact}</bdi><span className="soft"><bdi>{c.inbox_title}</bdi> · {kindTitle(c.kind, language)}</span></span>
                  {said(c)}
                </li>
              ))}
            </ul>
            <Select aria-label={t.to} placeholder={t.to} showSearch={{ optionFilterProp: "label" }} disabled={busy || open.length === 0} loading={takers.isFetching} {...(to === undefined ? {} : { value: to })} onChange={(v: string) => setTo(v)} options={[
              ...(mayRelease ? [{ value: queue, label: t.toQueue }] : []),
              ...(mayTransfer && takers.data && takers.data.length > 0 ? [{ label: t.whoCan, title: t.whoCan, options: takers.data.map((r) => ({ value: r.account, label: `${r.title} · ${t.conversations(r.load)}` })) }] : []),
            ]} />
            {mayTransfer && takers.data?.length === 0 && <p className="soft">{t.nobodyCan}</p>}
          </>
        )}
      </div>
    </Modal>
  );
}

/** Effect says what saving a document would do, before it is done. */
function Effect({ kind, name, spec }: { readonly kind: string; readonly name: string; readonly spec: Spec | undefined }): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const words = useErrorWords();
  const effect = useQuery(effectQuery(kind, name, spec, language));
  if (spec === undefined) return null;
  if (effect.isPending) return <Loading rows={1} />;
  if (effect.isError) return <p role="alert" className="board-wrong">{words(effect.error)}</p>;
  const list = effect.data.alterations;
  return (
    <div className="board-effect">
      {list.length === 0 ? <p>{t.effectNone}</p> : <><b>{t.effect}</b>{list.slice(0, 6).map((a) => <p key={a.account}><bdi>{pick(a.text, language)}</bdi></p>)}{list.length > 6 && <p className="soft numbers">+ {list.length - 6}</p>}</>}
      <p className="soft">{t.effectNow}</p>
    </div>
  );
}

const hours = ["1", "2", "4", "until"] as const;

/** ExtendDialog opens an agent's window for a time. */
export function ExtendDialog({ row, onClose }: Props): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const { message } = App.useApp();
  const document = useQuery(settingQuery("account", row.agent));
  const [opened] = useState(() => dayjs().startOf("minute"));
  const [by, setBy] = useState<(typeof hours)[number]>("1");
  const [date, setDate] = useState<Dayjs | null>(null);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const until = by === "until" ? date : opened.add(Number(by), "hour");
  const missing = until === null ? t.extendMissing : !until.isAfter(dayjs()) ? t.extendPast : reason.trim() === "" ? t.extendReasonMissing : undefined;
  const spec = document.data === undefined || until === null || !until.isAfter(dayjs()) ? undefined : longer(document.data.spec, until, reason.trim());
  const write = useSave(async () => {
    if (spec && document.data) await save("account", row.agent, spec, document.data.revision);
  }, () => {
    void message.success(t.extendDone(nameOf(row), until === null ? "" : clock(until.toDate(), language)));
    onClose();
  });
  return (
    <Modal open title={<bdi>{t.extendTitle(nameOf(row))}</bdi>} okText={until === null ? t.apply : t.extendEnds(clock(until.toDate(), language))} cancelText={t.cancel} onCancel={onClose}
      okButtonProps={{ loading: write.busy, disabled: document.data === undefined }} onOk={() => {
        setTried(true);
        if (missing === undefined) write.go();
      }}>
      <div className="board-dialog">
        <p className="soft">{t.extendText}</p>
        {document.isError ? <ErrorState error={document.error} onRetry={() => void document.refetch()} /> : (
          <>
            <Choice label={t.extend} value={by} options={hours.map((h) => ({ value: h, label: h === "until" ? t.extendUntil : t.extendHours(Number(h)) }))} onChange={setBy} />
            {by === "until" && <DatePicker aria-label={t.extendUntil} showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" value={date} minDate={dayjs()} onChange={(d) => setDate(d)} />}
            <Input aria-label={t.extendReason} placeholder={t.extendReasonHint} maxLength={200} value={reason} onChange={(e) => setReason(e.target.value)} {...(tried && reason.trim() === "" ? { status: "error" as const } : {})} />
            <Effect kind="account" name={row.agent} spec={spec === undefined ? undefined : longer(document.data?.spec ?? {}, until ?? opened, "-")} />
          </>
        )}
        {tried && missing !== undefined && <p role="alert" className="board-wrong">{missing}</p>}
        {write.wrong !== undefined && <p role="alert" className="board-wrong">{write.wrong}</p>}
      </div>
    </Modal>
  );
}

/** longer is an account's document with one extension more, and without those that are over. */
function longer(spec: Spec, until: Dayjs, reason: string): Spec {
  const was = Array.isArray(spec["extensions"]) ? (spec["extensions"] as readonly { readonly until?: string }[]) : [];
  return { ...spec, extensions: [...was.filter((e) => e.until === undefined || dayjs(e.until).isAfter(dayjs())), { until: until.format("YYYY-MM-DDTHH:mm:ssZ"), reason }] };
}

/** ResumeDialog turns on the switches that keep messages from an agent. */
export function ResumeDialog({ row, onClose }: Props): ReactNode {
  const t = useWords(boardText);
  const [names] = useState(() => switchesOf(row)); // what was resumed stays in sight
  return (
    <Modal open title={t.resumeTitle} onCancel={onClose} footer={[<Button key="close" onClick={onClose}>{t.close}</Button>]}>
      <div className="board-dialog">{names.map((name) => <OneSwitch key={name} name={name} row={row} />)}</div>
    </Modal>
  );
}

function OneSwitch({ name, row }: { readonly name: string; readonly row: Row }): ReactNode {
  const t = useWords(boardText);
  const { message } = App.useApp();
  const cache = useQueryClient();
  const document = useQuery(settingQuery("switch", name));
  const title = name === "platform" ? t.switches.platform : name.startsWith("inbox.") ? t.switches.inbox(name.slice("inbox.".length)) : t.switches.account(nameOf(row));
  const on: Spec = { state: "on", reason: t.resumeReason };
  const write = useSave(async () => {
    if (document.data) await save("switch", name, on, document.data.revision);
  }, () => {
    void message.success(t.resumed(title));
    void cache.invalidateQueries({ queryKey: ["board", "setting"] });
  });
  if (document.isPending) return <Loading rows={2} />;
  if (document.isError) return <ErrorState error={document.error} onRetry={() => void document.refetch()} />;
  const { state, reason } = document.data.spec;
  const word = Object.entries(t.states).find(([s]) => s === state)?.[1] ?? String(state);
  return (
    <section className="board-dialog">
      <div className="board-chooser"><b><bdi>{title}</bdi></b> <Outcome outcome={state === "on" ? "pass" : "block"}><bdi>{t.switchState(word, typeof reason === "string" ? reason : "")}</bdi></Outcome></div>
      {state !== "on" && (
        <>
          {name === "platform" && <p className="soft">{t.resumeAll}</p>}
          <Effect kind="switch" name={name} spec={on} />
          <div><Button type="primary" loading={write.busy} onClick={write.go}>{t.resumeDo}</Button></div>
        </>
      )}
      {write.wrong !== undefined && <p role="alert" className="board-wrong">{write.wrong}</p>}
    </section>
  );
}
