import { App, Button, Dropdown } from "antd";
import { CheckOutlined, ClockCircleOutlined, CopyOutlined, ExclamationCircleOutlined, FileOutlined, MoreOutlined, NodeIndexOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { exact, size } from "@bida/shared/format";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { useNow } from "./clockwork";
import { drafts, useLive, useStatus } from "./live";
import type { Outgoing } from "./outbox";
import { workspaceText } from "./text";
import type { Message } from "./thread";

export const timeOf = (at: string): string => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

interface Props {
  readonly message: Message;
  /** It stands together with the one before it. */
  readonly follows: boolean;
  readonly mine: boolean;
  readonly customer: string;
}

/** MessageBubble is one message: the customer's at the start of the line, replies at its end, notes apart from both in their own colour. */
export function MessageBubble({ message: m, follows, mine, customer }: Props): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const author = m.direction === "in" || m.direction === "held" ? customer : mine ? t.you : m.kind === "auto_reply" ? t.automatic : m.author_title ?? m.author ?? "";
  const failed = m.state === "failed";
  const mentions = m.mentions ?? [];
  return (
    <article className="ws-message" data-direction={m.direction} data-follows={follows ? "" : undefined} aria-label={`${t.messageOf[m.direction]} ${author} ${timeOf(m.at)}`}>
      {!follows && (
        <p className="ws-author soft">
          {m.direction === "note" && <span className="ws-note-mark">{t.note} · {t.noteHint}</span>}
          <bdi>{author}</bdi>
        </p>
      )}
      <div className="ws-bubble-line">
        <div className="ws-bubble">
          {mentions.length > 0 && <p className="ws-mentions">@ {mentions.map((x) => x.title).join(language === "zh" ? "、" : ", ")}</p>}
          {m.direction === "held" && m.text === "" && <p className="soft">{t.heldHint}</p>}
          {m.text !== "" && <p className="ws-text" dir="auto">{m.text}</p>}
          <Files message={m.id} files={m.attachments} />
          <span className="ws-meta numbers"><time dateTime={m.at} title={exact(m.at)}>{timeOf(m.at)}</time>{m.state !== undefined && <StateMark state={m.state} />}</span>
        </div>
        <Menu message={m} />
      </div>
      <Marks message={m} />
      {failed && <p className="ws-failed" role="alert"><ExclamationCircleOutlined aria-hidden="true" /> <span dir="auto">{t.failedTo(m.state_detail ?? "")}</span></p>}
    </article>
  );
}

/** Marks says what rules did with a message: which one wrote it, its tags, and that it is held, or was and who let it through. */
function Marks({ message: m }: { readonly message: Message }): ReactNode {
  const t = useWords(workspaceText);
  const q = m.quarantine;
  const tags = m.tags ?? [];
  const rule = m.auto_reply;
  if (q === undefined && rule === undefined && tags.length === 0) return null;
  return (
    <p className="ws-marks">
      {rule && <span className="ws-note-mark"><bdi>{t.byRule[rule.on](rule.title)}</bdi></span>}
      {q && <span className="ws-note-mark"><bdi>{q.state === "held" ? t.heldMark(q.rule_title ?? q.rule) : t.releasedMark(q.released_by_title ?? q.released_by ?? "")}</bdi></span>}
      {tags.map((tag) => <span key={tag} className="ws-note-mark"><bdi>{tag}</bdi></span>)}
    </p>
  );
}

/** StateMark is how far a reply has come: a shape, and the word for those who ask for it. */
function StateMark({ state }: { readonly state: "sent" | "delivered" | "failed" }): ReactNode {
  const t = useWords(workspaceText).state;
  return (
    <span className="ws-state" data-state={state} title={t[state]}>
      {state === "failed" ? <ExclamationCircleOutlined aria-hidden="true" /> : <><CheckOutlined aria-hidden="true" />{state === "delivered" && <CheckOutlined aria-hidden="true" />}</>}
      <span className="visually-hidden">{t[state]}</span>
    </span>
  );
}

function Menu({ message: m }: { readonly message: Message }): ReactNode {
  const t = useWords(workspaceText);
  const toast = App.useApp().message;
  const navigate = useNavigate();
  const mayTrace = useMay("trace.view");
  const mayView = useMay("conversation.view");
  const items = [
    ...(m.text === "" ? [] : [{ key: "copy", icon: <CopyOutlined />, label: t.copyText, onClick: () => void copy(m.text).then((ok) => ok && toast.success(t.copied)) }]),
    ...(mayTrace || mayView ? [{ key: "trace", icon: <NodeIndexOutlined />, label: t.trace, onClick: () => void navigate({ to: `/messages/${m.id}` }) }] : []),
  ];
  if (items.length === 0) return null;
  return (
    <Dropdown menu={{ items }} trigger={["click"]}>
      <Button type="text" size="small" className="ws-message-menu" icon={<MoreOutlined />} aria-label={t.more} />
    </Dropdown>
  );
}

/** copy writes to the clipboard, also on a page that came over plain http, where browsers have none. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  // The only way there is without a secure context.
   
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

const widest = 320;
const highest = 280;

/** Files shows pictures in place and everything else as a line to save. */
function Files({ message, files }: { readonly message: string; readonly files: Message["attachments"] }): ReactNode {
  const t = useWords(workspaceText);
  if (files.length === 0) return null;
  return (
    <ul className="ws-files">
      {files.map((f, n) => {
        const address = `/api/v1/messages/${message}/attachments/${n}`;
        return (
          <li key={n}>
            {f.image ? <Picture address={address} name={f.name} width={f.width ?? widest} height={f.height ?? highest} /> : (
              <a className="ws-file" href={`${address}?download`} download aria-label={t.download(f.name)}>
                <FileOutlined aria-hidden="true" /><bdi className="ws-clip">{f.name}</bdi><small className="soft numbers">{size(f.size)}</small>
              </a>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Picture({ address, name, width, height }: { readonly address: string; readonly name: string; readonly width: number; readonly height: number }): ReactNode {
  const t = useWords(workspaceText);
  const [failed, setFailed] = useState(false);
  const scale = Math.min(1, widest / width, highest / height);
  if (failed) return <a className="ws-file" href={`${address}?download`} download><FileOutlined aria-hidden="true" /><bdi className="ws-clip">{name}</bdi><small className="soft">{t.imageFailed}</small></a>;
  return (
    <a href={address} target="_blank" rel="noreferrer" aria-label={t.openImage(name)} className="ws-picture">
      <img src={address} alt={name} loading="lazy" width={Math.round(width * scale)} height={Math.round(height * scale)} onError={() => setFailed(true)} />
    </a>
  );
}

/** SendingBubble is what the person has written and the server does not have yet, or has refused. */
export function SendingBubble({ item }: { readonly item: Outgoing }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const live = useLive();
  const status = useStatus();
  const now = useNow(1_000);
  const failed = item.state === "failed";
  const connected = status.state === "live" || status.state === "catching_up";
  const again = item.retryAt !== undefined && item.retryAt > now ? t.againIn(Math.ceil((item.retryAt - now) / 1000)) : undefined;
  const says = item.busy === true || item.state === "sent" ? t.state.sending : connected ? again ?? t.state.waiting : `${t.state.waiting}${language === "zh" ? "，" : ". "}${t.offlineSend}`;
  const edit = (): void => {
    const taken = live?.outbox.take(item.id);
    if (!live || !taken) return;
    const now = drafts.read(live.account, taken.conversation, taken.mode);
    drafts.write(live.account, taken.conversation, taken.mode, {
      text: now.text === "" ? taken.text : `${taken.text}\n${now.text}`, mentions: [...new Set([...taken.mentions, ...now.mentions])], files: [...taken.files, ...now.files],
    });
  };
  return (
    <article className="ws-message" data-direction={item.mode === "note" ? "note" : "out"} data-sending={failed ? "failed" : ""}>
      <div className="ws-bubble-line">
        <div className="ws-bubble">
          {item.text !== "" && <p className="ws-text" dir="auto">{item.text}</p>}
          {item.files.length > 0 && <ul className="ws-files">{item.files.map((f) => <li key={f.id} className="ws-file"><FileOutlined aria-hidden="true" /><bdi className="ws-clip">{f.name}</bdi><small className="soft numbers">{size(f.size)}</small></li>)}</ul>}
          <span className="ws-meta">{failed ? <ExclamationCircleOutlined aria-hidden="true" /> : <ClockCircleOutlined aria-hidden="true" />} <span className="numbers" role="status">{failed ? t.state.failed : says}</span></span>
        </div>
      </div>
      {failed && (
        <div className="ws-failed" role="alert">
          <span dir="auto">{t.failedBecause(item.reason ?? "")}</span>
          <Button size="small" onClick={() => live?.outbox.retry(item.id)}>{t.retry}</Button>
          <Button size="small" onClick={edit}>{t.editAgain}</Button>
          <Button size="small" type="text" onClick={() => live?.outbox.take(item.id)}>{t.discard}</Button>
        </div>
      )}
    </article>
  );
}
