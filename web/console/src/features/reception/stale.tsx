import { Button, Modal } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import type { Spec } from "../agents/edit";
import { clashes, differences, type Difference } from "./merge";
import { titleOf } from "./names";
import { historyQuery, type Document, type Policy } from "./queries";
import { receptionText } from "./text";

interface Props {
  readonly policy: Policy;
  readonly kind: string;
  readonly name: string;
  readonly base: Spec;
  readonly mine: Spec;
  readonly theirs: Document | "gone";
  readonly onReapply: () => void;
  readonly onTake: () => void;
}

/** Somebody else saved first: what they changed, and what becomes of what was typed here. */
export function StaleDialog({ policy, kind, name, base, mine, theirs, onReapply, onTake }: Props): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  const history = useQuery(historyQuery(kind, name));
  const by = history.data?.revisions[0];
  const spec = theirs === "gone" ? {} : theirs.spec;
  const both = theirs === "gone" ? [] : clashes(base, mine, spec);
  return (
    <Modal open title={t.stale} closable={false} mask={{ closable: false }}
      footer={[<Button key="take" danger onClick={onTake}>{t.takeTheirs}</Button>, <Button key="again" type="primary" onClick={onReapply}>{t.reapply}</Button>]}>
      <div className="rc-impact">
        {by && <p><bdi>{t.by(by.by === "system" ? t.system : titleOf(policy, "account", by.by), clock(by.at, language), by.revision)}</bdi></p>}
        {theirs === "gone" ? <p>{t.staleGone}</p> : <section><h3>{t.staleTheirs}</h3><Lines of={differences(base, spec)} /></section>}
        {both.length > 0 && <section><h3 className="rc-wrong">{t.staleClash}</h3><Lines of={both} /></section>}
        <p className="soft">{t.staleMine}</p>
      </div>
    </Modal>
  );
}

const longest = 120;

/** Lines show places of a document with what was and what is, as documents write it. */
function Lines({ of }: { readonly of: readonly Difference[] }): ReactNode {
  const t = useWords(receptionText);
  const value = (x: unknown): string => {
    if (x === undefined) return t.nothing;
    const text = typeof x === "string" ? x : JSON.stringify(x);
    return text.length > longest ? `${text.slice(0, longest)}…` : text;
  };
  return (
    <ul className="rc-lines">
      {of.map((d) => <li key={d.path}><code>{d.path.slice(1).replaceAll("/", ".")}</code>: <code dir="auto">{value(d.before)}</code> → <code dir="auto">{value(d.after)}</code></li>)}
    </ul>
  );
}
