import { Button, Drawer } from "antd";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { api, queries } from "../../app/api";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { usePhone } from "../workspace/clockwork";
import { FoundList } from "./found";
import { Cells, Verdict } from "./outlook";
import { outlookQuery, type ClientCheck } from "./queries";
import { selfcheckText } from "./text";
import "./selfcheck.css";

export interface AgentCheckProps {
  readonly agent: string;
  /** What people call the agent. */
  readonly name: string;
  readonly onClose: () => void;
}

/** AgentCheck has the windows of somebody else check themselves, and shows what each says, or that it says nothing. */
export default function AgentCheck({ agent, name, onClose }: AgentCheckProps): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  const phone = usePhone();
  const outlook = useQuery(outlookQuery(agent, language));
  const begin = useMutation({
    mutationFn: () => ask(api.POST("/accounts/{name}/self-check", { params: { path: { name: agent } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["self-check", agent] }),
  });
  const last = begin.data ?? outlook.data?.last;
  return (
    <Drawer open onClose={onClose} title={<bdi>{t.agentTitle(name)}</bdi>} placement={phone ? "bottom" : "right"} size={phone ? "92%" : 520} className="sc-drawer">
      <div className="sc" aria-busy={begin.isPending}>
        {outlook.data === undefined ? (outlook.error ? <ErrorState error={outlook.error} onRetry={() => void outlook.refetch()} /> : <Loading rows={3} />)
          : <Verdict outlook={outlook.data} failed={false} />}
        <p className="soft">{t.agentText}</p>
        <div><Button type="primary" loading={begin.isPending} onClick={() => begin.mutate()}>{begin.isPending ? t.checking : t.agentRun}</Button></div>
        {begin.error && <ErrorState error={begin.error} />}
        {!begin.isPending && (last === undefined ? <p className="soft">{t.agentNever}</p> : <Windows check={last} />)}
        {outlook.data && <Cells outlook={outlook.data} />}
      </div>
    </Drawer>
  );
}

function Windows({ check }: { readonly check: ClientCheck }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  const at = clock(check.at, language, new Date(), true);
  const answered = check.clients.filter((c) => c.answered).length;
  return (
    <section className="sc-windows" aria-live="polite">
      <p className="soft"><bdi>{check.asked ? t.askedBy(check.by ?? t.colleague, at) : t.ownLast(at)}</bdi></p>
      {check.clients.length === 0 ? <Empty title={t.agentNone} text={t.agentNoneText} /> : <p className="numbers">{t.answered(answered, check.clients.length)}</p>}
      {check.clients.map((c) => (
        <article key={c.client} className="sc-window">
          <h3><bdi>{c.about === "" ? c.client : c.about}</bdi> <small className="soft"><code>{c.client}</code>{c.connection !== undefined && <> · {t.connection(c.connection)}</>}</small></h3>
          {c.answered ? <FoundList found={c.tests} /> : <><Outcome outcome="unknown">{t.silent}</Outcome><p className="soft">{t.silentText}</p></>}
        </article>
      ))}
      <p className="soft">{t.noMessages}</p>
    </section>
  );
}
