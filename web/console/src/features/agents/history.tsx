import { Button } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading } from "../../ui/states";
import { nameOf } from "./parts";
import { accountsQuery, historyQuery } from "./queries";
import { agentsText } from "./text";

interface Props {
  readonly account: string;
  readonly current: number;
  readonly onRestore: (revision: number) => Promise<void>;
}

/** Who changed the account's document and when; any version can be put into the editor again. */
export function History({ account, current, onRestore }: Props): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const editable = useMay("policy.edit");
  const history = useQuery(historyQuery(account));
  const accounts = useQuery(accountsQuery(language));
  const [busy, setBusy] = useState(0);
  const restore = async (revision: number): Promise<void> => {
    setBusy(revision);
    try {
      await onRestore(revision);
    } finally {
      setBusy(0);
    }
  };
  const who = (name: string): string => (name === "system" ? t.system : nameOf(accounts.data?.accounts.find((a) => a.name === name) ?? { name }));
  return (
    <section className="card agents-history" aria-label={t.history}>
      <h2>{t.history}</h2>
      {history.data === undefined && (history.error ? <ErrorState error={history.error} onRetry={() => void history.refetch()} /> : <Loading rows={2} />)}
      {history.data?.length === 0 && <p className="soft">{t.historyNone}</p>}
      <ol>
        {history.data?.map((r) => (
          <li key={r.revision}>
            <span className="agents-history-text">
              <bdi>{t.by(who(r.by), clock(r.at, language), r.revision)}</bdi>
              {r.reason !== undefined && r.reason !== "" && <bdi className="soft">{t.because(r.reason)}</bdi>}
            </span>
            {r.revision === current ? <span className="soft">{t.current}</span>
              : editable && r.changes.every((c) => c.kind !== "account" || c.name !== account || c.action !== "delete")
                && <Button size="small" loading={busy === r.revision} onClick={() => void restore(r.revision)}>{t.restore}</Button>}
          </li>
        ))}
      </ol>
    </section>
  );
}
