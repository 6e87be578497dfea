import { Modal } from "antd";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useCommandSources, type Command } from "./commands";
import { frameText } from "./frame.text";
import { useMe } from "./me";
import { openPages, targetOf } from "./open";
import { useLanguage, useWords } from "./words";

interface Props {
  readonly open: boolean;
  readonly onClose: () => void;
}

/** Palette goes anywhere by name: pages, what features offer, messages by their id. */
export default function Palette({ open, onClose }: Props): ReactNode {
  const t = useWords(frameText);
  return (
    <Modal open={open} onCancel={onClose} footer={null} closable={false} destroyOnHidden title={<span className="visually-hidden">{t.search}</span>} className="palette" width={560}>
      <PaletteBody onClose={onClose} />
    </Modal>
  );
}

function PaletteBody({ onClose }: { readonly onClose: () => void }): ReactNode {
  const t = useWords(frameText);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const commands = useFound(text);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  const chosen = Math.min(at, Math.max(commands.length - 1, 0));
  useEffect(() => input.current?.focus(), []);

  const run = (c: Command | undefined): void => {
    if (!c) return;
    onClose();
    c.run();
  };
  const press = (e: KeyboardEvent): void => {
    if (e.nativeEvent.isComposing) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      setAt((chosen + (e.key === "ArrowDown" ? 1 : commands.length - 1)) % Math.max(commands.length, 1));
    }
    if (e.key === "Enter") run(commands[chosen]);
  };
  return (
    <div className="palette-body">
      <input
        ref={input} className="palette-input" role="combobox" aria-expanded="true" aria-controls={list} aria-label={t.search} placeholder={t.searchHint} dir="auto"
        aria-activedescendant={commands.length > 0 ? `${list}-${chosen}` : undefined} value={text} maxLength={128}
        onChange={(e) => { setText(e.target.value); setAt(0); }} onKeyDown={press}
      />
      <ul id={list} role="listbox" aria-label={t.go} className="palette-list">
        {commands.map((c, i) => (
          <li key={c.id} id={`${list}-${i}`} role="option" aria-selected={i === chosen} dir="auto" onPointerMove={() => setAt(i)} onClick={() => run(c)}>{c.title}</li>
        ))}
      </ul>
      {commands.length === 0 && <p className="soft palette-none">{t.nothingFound}</p>}
    </div>
  );
}

/** useFound lists what fits the text: pages at once, what features find as it comes. */
function useFound(text: string): readonly Command[] {
  const language = useLanguage();
  const t = useWords(frameText);
  const me = useMe();
  const navigate = useNavigate();
  const sources = useCommandSources();
  const [found, setFound] = useState<readonly Command[]>([]);
  const wanted = text.trim();
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      void Promise.allSettled(sources.map((s) => s(wanted, language, stop.signal))).then((all) => {
        if (!stop.signal.aborted) setFound(all.flatMap((r) => (r.status === "fulfilled" ? r.value : [])));
      });
    }, 120);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted, language, sources]);
  return useMemo(() => {
    const go = (to: string) => () => void navigate({ to });
    const own: Command[] = (me ? openPages(me) : []).map((p) => ({ id: targetOf(p), title: p.title[language], also: `${p.title.zh} ${p.title.en}`, run: go(targetOf(p)) }));
    own.push({ id: "/me", title: t.mySessions, also: "me sessions password 登录 密码", run: go("/me") });
    const fits = (c: Command): boolean => `${c.title} ${c.also ?? ""}`.toLowerCase().includes(wanted.toLowerCase());
    return [...own.filter(fits), ...found].slice(0, 12);
  }, [me, language, t, wanted, found, navigate]);
}
