import { App, Button } from "antd";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { api } from "../../app/api";
import { useMay, useMe } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, useErrorWords } from "../../ui/states";
import { changed, sessionsQuery, type Account } from "./queries";
import { agentsText } from "./text";

/** Where the account is signed in, and the end of it. */
export function Sessions({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const me = useMe();
  const may = useMay("session.end") || me?.account === account.name;
  return (
    <section className="card agents-sessions" aria-label={t.sessions}>
      <h2>{t.sessions}</h2>
      {may ? <SessionList account={account} /> : <p className="soft">{account.sessions === 0 ? t.sessionsNone : t.sessionsHidden}</p>}
    </section>
  );
}

function SessionList({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const words = useErrorWords();
  const { modal, message } = App.useApp();
  const sessions = useQuery(sessionsQuery(account.name));
  const end = useMutation({
    mutationFn: (id: string | undefined) => ask(api.DELETE("/accounts/{name}/sessions", { params: { path: { name: account.name }, query: id === undefined ? {} : { id } } })),
    onSuccess: async () => {
      void message.success(t.ended);
      await changed();
    },
    onError: (error) => void message.error(words(error)),
  });
  const asks = (id: string | undefined): void => void modal.confirm({
    title: id === undefined ? t.endAllTitle : t.endTitle, content: t.endText, okText: id === undefined ? t.endAll : t.endSession, cancelText: t.cancel, onOk: () => end.mutateAsync(id).catch(() => undefined),
  });
  if (sessions.data === undefined) return sessions.error ? <ErrorState error={sessions.error} onRetry={() => void sessions.refetch()} /> : null;
  const list = sessions.data.sessions;
  if (list.length === 0) return <p className="soft">{t.sessionsNone}</p>;
  return (
    <>
      <ul className="agents-session-list">
        {list.map((s) => (
          <li key={s.id}>
            <span className="agents-session">
              <strong>{s.how === "password" ? t.sessionPassword : t.sessionToken}</strong>
              <span className="soft numbers">{t.sessionSince(clock(s.since, language))} · {t.connections(s.connections.length)}</span>
              {s.user_agent !== undefined && <bdi className="soft agents-cut" title={s.user_agent}>{s.remote !== undefined && `${s.remote} · `}{s.user_agent}</bdi>}
              {s.connections.map((c) => <bdi key={c.id} className="soft agents-cut">{c.about ?? c.client}</bdi>)}
            </span>
            <Button size="small" onClick={() => asks(s.id)}>{t.endSession}</Button>
          </li>
        ))}
      </ul>
      {list.length > 1 && <Button size="small" danger onClick={() => asks(undefined)}>{t.endAll}</Button>}
    </>
  );
}
