import { Button } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading } from "../../ui/states";
import { titleOf } from "./names";
import { historyQuery, type Policy } from "./queries";
import { receptionText } from "./text";

interface Props {
  readonly policy: Policy;
  readonly kind: string;
  readonly name: string;
  readonly current: number;
  /** Undefined for who may not edit, and where the form shows a part of the document only. */
  readonly onRestore: ((revision: number) => Promise<void>) | undefined;
}

/** Who changed a document, when and why; any version can be put into the editor again. */
export function History({ policy, kind, name, current, onRestore }: Props): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  const history = useQuery(historyQuery(kind, name));
  const [busy, setBusy] = useState(0);
  const restore = async (revision: number): Promise<void> => {
    setBusy(revision);
    try {
      await onRestore?.(revision);
    } finally {
      setBusy(0);
    }
  };
  return (
    <section className="card rc-history" aria-label={t.history}>
      <h2>{t.history}</h2>
      {history.data === undefined && (history.error ? <ErrorState error={history.error} onRetry={() => void history.refetch()} /> : <Loading rows={2} />)}
      {history.data?.revisions.length === 0 && <p className="soft">{t.historyNone}</p>}
      <ol>
        {history.data?.revisions.map((r) => {
          const action = r.changes.find((c) => c.kind === kind && c.name === name)?.action ?? "update";
          return (
            <li key={r.revision}>
              <span className="rc-history-text">
                <bdi>{t.by(r.by === "system" ? t.system : titleOf(policy, "account", r.by), clock(r.at, language), r.revision)}</bdi>
                <span className="soft">{t.actions[action]}</span>
                {r.reason !== undefined && r.reason !== "" && <bdi className="soft">{t.because(r.reason)}</bdi>}
              </span>
              {r.revision === current ? <span className="soft">{t.current}</span>
                : onRestore && action !== "delete" && <Button size="small" loading={busy === r.revision} onClick={() => void restore(r.revision)}>{t.restore}</Button>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
