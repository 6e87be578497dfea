import { Button, Segmented, Tooltip } from "antd";
import { CloseOutlined, FileOutlined, LockOutlined, PaperClipOutlined, SendOutlined } from "@ant-design/icons";
import { useImperativeHandle, useLayoutEffect, useMemo, useRef, useState, type DragEvent, type KeyboardEvent, type ReactNode, type Ref } from "react";
import { size } from "@bida/shared/format";
import { useMay, useMe } from "../../app/me";
import { part } from "../../app/part";
import { useWords } from "../../app/words";
import { usePhone } from "./clockwork";
import { noDraft, type Mode } from "./drafts";
import { mostFiles, useUploads } from "./files";
import { useDraft } from "./hooks";
import { drafts, useLive } from "./live";
import { nameOf } from "./name";
import type { Conversation } from "./queries";
import { fileText, longestText, workspaceText } from "./text";

export interface ComposerHandle {
  readonly write: (mode: Mode) => void;
}

interface Props {
  readonly conversation: Conversation;
  readonly onTake: (() => void) | undefined;
  readonly ref?: Ref<ComposerHandle>;
}

const Mentions = part(() => import("./mentions"), { waiting: null, quiet: true });

const highestField = 200; // pixels

/** newId names a message, so that sending it twice is sending it once. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `w-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

/** Composer is where replies and notes are written. What is written is kept with every key that is pressed. */
export function Composer({ conversation: c, onTake, ref }: Props): ReactNode {
  const t = useWords(workspaceText);
  const me = useMe();
  const live = useLive();
  const phone = usePhone();
  const mayReply = useMay("message.reply");
  const foreign = c.owner !== null && c.owner !== me?.account;
  const noReply = c.status === "resolved" || foreign;
  const [chosen, setMode] = useState<Mode>(() => (noReply || (me !== undefined && drafts.read(me.account, c.id, "note").text !== "" && drafts.read(me.account, c.id, "reply").text === "") ? "note" : "reply"));
  const mode: Mode = noReply ? "note" : chosen;
  const [draft, write] = useDraft(c.id, mode);
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [dropping, setDropping] = useState(false);
  const uploads = useUploads((file) => {
    if (!live) return;
    const now = drafts.read(live.account, c.id, mode);
    if (now.files.length < mostFiles && !now.files.some((f) => f.id === file.id)) drafts.write(live.account, c.id, mode, { ...now, files: [...now.files, file] });
  }, useWords(fileText));
  useImperativeHandle(ref, () => ({
    write: (to) => {
      setMode(to);
      field.current?.focus(); // at once: what is typed next belongs here
    },
  }), []);
  useLayoutEffect(() => {
    const el = field.current;
    if (!el) return;
    el.style.height = "auto";
    el.style.height = `${Math.min(el.scrollHeight, highestField)}px`;
  }, [draft.text, mode]);
  const bytes = useMemo(() => new TextEncoder().encode(draft.text).length, [draft.text]);
  const pending = uploads.list.some((u) => u.error === undefined);
  const ready = live !== undefined && !pending && bytes <= longestText && (draft.text.trim() !== "" || draft.files.length > 0);
  if (!mayReply) return <footer className="ws-composer" data-mode="none"><p className="soft"><LockOutlined /> {t.noReply}</p></footer>;

  const send = (): void => {
    if (!ready) return;
    live.outbox.add({ id: newId(), conversation: c.id, mode, text: draft.text.trim() === "" ? "" : draft.text, mentions: mode === "note" ? draft.mentions : [], files: draft.files });
    write(noDraft);
    field.current?.focus();
  };
  // Enter that ends the composing of a character is not Enter; Safari says so by its key code only.
  const press = (e: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (e.key === "Escape") field.current?.blur();
     
    if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing || e.keyCode === 229 || (phone && !e.ctrlKey)) return;
    e.preventDefault();
    send();
  };
  const take = (list: FileList | null): void => {
    const room = mostFiles - draft.files.length - uploads.list.length;
    if (list && list.length > 0) uploads.add([...list].slice(0, Math.max(0, room)));
  };
  const drag = (e: DragEvent, over: boolean): void => {
    if (!e.dataTransfer.types.includes("Files")) return;
    e.preventDefault();
    setDropping(over);
  };
  const name = nameOf(c, t);
  const hint = c.status === "resolved" ? t.resolvedReply : foreign ? t.cannotReply : onTake && c.owner === null && mode === "reply" ? t.takeToReply : undefined;
  return (
    <footer className="ws-composer" data-mode={mode} data-dropping={dropping ? "" : undefined} onDragEnter={(e) => drag(e, true)} onDragOver={(e) => drag(e, true)} onDragLeave={(e) => {
      if (!e.currentTarget.contains(e.relatedTarget as Node | null)) setDropping(false);
    }} onDrop={(e) => {
      drag(e, false);
      take(e.dataTransfer.files);
    }}>
      {hint !== undefined && <p className="ws-hint soft">{hint}</p>}
      <div className="ws-field">
        <textarea ref={field} value={draft.text} rows={phone ? 1 : 2} dir="auto" aria-label={mode === "note" ? t.note : t.reply} enterKeyHint={phone ? "enter" : "send"}
          placeholder={mode === "note" ? t.noteTo : phone ? t.replyPhone(name) : t.replyTo(name)}
          onChange={(e) => write({ ...draft, text: e.target.value })} onKeyDown={press} onPaste={(e) => {
            if (e.clipboardData.files.length === 0) return;
            e.preventDefault();
            take(e.clipboardData.files);
          }} />
        {(draft.files.length > 0 || uploads.list.length > 0) && (
          <ul className="ws-chips">
            {draft.files.map((f) => (
              <li key={f.id}><FileOutlined aria-hidden="true" /><bdi className="ws-clip">{f.name}</bdi><small className="soft numbers">{size(f.size)}</small>
                <Button type="text" size="small" icon={<CloseOutlined />} aria-label={t.removeFile(f.name)} onClick={() => write({ ...draft, files: draft.files.filter((x) => x !== f) })} /></li>
            ))}
            {uploads.list.map((u) => (
              <li key={u.key} data-failed={u.error === undefined ? undefined : ""}><bdi className="ws-clip">{u.name}</bdi>
                {u.error === undefined ? <progress max={100} value={u.percent} aria-label={t.uploading(u.percent)} /> : <small role="alert">{u.error}</small>}
                <Button type="text" size="small" icon={<CloseOutlined />} aria-label={t.removeFile(u.name)} onClick={() => uploads.drop(u.key)} /></li>
            ))}
          </ul>
        )}
        <div className="ws-tools">
          <Segmented<Mode> size="small" value={mode} onChange={(to) => {
            setMode(to);
            field.current?.focus();
          }} options={[{ value: "reply", label: t.reply, disabled: noReply }, { value: "note", label: t.note }]} />
          {mode === "note" && !phone && <span className="ws-note-mark">{t.noteHint}</span>}
          {mode === "note" && <Mentions conversation={c.id} value={draft.mentions} onChange={(mentions) => write({ ...draft, mentions })} />}
          <span className="ws-space" />
          {bytes > longestText && <small className="ws-over numbers" role="alert">{t.tooLong(bytes - longestText)}</small>}
          <input ref={picker} type="file" multiple hidden onChange={(e) => {
            take(e.target.files);
            e.target.value = "";
          }} />
          <Tooltip title={t.attach}><Button type="text" icon={<PaperClipOutlined />} aria-label={t.attach} onClick={() => picker.current?.click()} /></Tooltip>
          <Button type="primary" icon={mode === "note" ? <LockOutlined /> : <SendOutlined />} disabled={!ready} onClick={send} className="ws-send" aria-label={mode === "note" ? t.saveNote : t.send}>{phone ? undefined : mode === "note" ? t.saveNote : t.send}</Button>
        </div>
      </div>
      {dropping && <div className="ws-drop" aria-hidden="true">{t.dropHere}</div>}
    </footer>
  );
}
