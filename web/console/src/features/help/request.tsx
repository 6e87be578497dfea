import { App, Button, Input, Popconfirm, Space } from "antd";
import { ArrowLeftOutlined, MedicineBoxOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { api } from "../../app/api";
import { part } from "../../app/part";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading, useErrorWords } from "../../ui/states";
import { helpRequestQuery, type HelpRequest } from "./queries";
import { HelpState } from "./state";
import { helpText } from "./text";

const Body = part(() => import("../diagnosis/body"));
const Repaired = part(() => import("./repaired"), { waiting: null });

/** One request for help: what it is about, who has to do with it, what was done, and the report. */
export default function HelpRequestView({ id }: { readonly id: string }): ReactNode {
  const language = useLanguage();
  const request = useQuery(helpRequestQuery(id, language));
  if (request.data) return <Shown request={request.data} again={() => void request.refetch()} />;
  return request.isPending ? <div className="card"><Loading rows={8} /></div> : <ErrorState error={request.error} onRetry={() => void request.refetch()} />;
}

function Shown({ request: r, again }: { readonly request: HelpRequest; readonly again: () => void }): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  const navigate = useNavigate();
  const at = (instant: string | undefined): string => (instant === undefined ? "" : clock(instant, language));
  const latest = r.repairs[0];
  const told = r.receivers.map((p) => p.title).join(language === "zh" ? "、" : ", ");
  return (
    <article className="diagnosis">
      <header className="card help-head">
        <p className="help-row-state"><HelpState request={r} /></p>
        <h2 dir="auto">{t.of(r.agent.title, r.cause ?? t.noCause)}</h2>
        <p className="soft numbers"><bdi>{t.by(r.by.title, at(r.at))}</bdi>{r.asked > 1 && <> · {t.asked(r.asked)}</>} · {told === "" ? t.nobody : <bdi>{t.told(told)}</bdi>}</p>
        {r.note !== undefined && <blockquote className="lines" dir="auto">{r.note}</blockquote>}
        {r.recovered && <p role="status">{t.recoveredText}</p>}
        {r.taken_by && <p className="soft numbers"><bdi>{t.takenBy(r.taken_by.title, at(r.taken_at))}</bdi></p>}
        {r.closed_by && <p className="soft numbers"><bdi>{t.closedBy(t.states[r.state], r.closed_by.title, at(r.closed_at))}</bdi></p>}
        {r.answer !== undefined && <blockquote className="lines" dir="auto">{r.answer}</blockquote>}
        <Space wrap>
          <Actions request={r} />
          <Button icon={<MedicineBoxOutlined />} onClick={() => void navigate({ to: "/diagnosis", search: { agent: r.agent.account ?? "", ...(r.state === "open" || r.state === "taken" ? { help: r.id } : {}) } })}>{t.now}</Button>
          <Button type="text" icon={<ArrowLeftOutlined />} onClick={() => void navigate({ to: "/diagnosis", search: { view: "help" } })}>{t.back}</Button>
        </Space>
      </header>
      {latest && <Repaired id={latest.id} />}
      <section className="card help-head">
        <h2>{t.reportOf(at(r.report.at))}</h2>
        <p dir="auto">{pick(r.report.headline, language)}</p>
      </section>
      <Body report={r.report} onChanged={again} request={r.id} />
    </article>
  );
}

type Step = "take" | "done" | "decline" | "withdraw";

/** Actions are what the person can do with a request as it stands. */
function Actions({ request: r }: { readonly request: HelpRequest }): ReactNode {
  const t = useWords(helpText);
  const words = useErrorWords();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [reason, setReason] = useState("");
  const act = useMutation({
    mutationFn: (step: Step) => {
      const params = { path: { id: r.id } };
      const body = reason.trim() === "" ? {} : { reason: reason.trim() };
      switch (step) {
        case "take": return ask(api.POST("/help-requests/{id}/take", { params, body: {} }));
        case "done": return ask(api.POST("/help-requests/{id}/done", { params, body }));
        case "decline": return ask(api.POST("/help-requests/{id}/decline", { params, body }));
        default: return ask(api.POST("/help-requests/{id}/withdraw", { params, body: {} }));
      }
    },
    onSuccess: () => cache.invalidateQueries({ queryKey: ["help"] }),
    onError: (e) => {
      void message.error(words(e));
      void cache.invalidateQueries({ queryKey: ["help"] });
    },
  });
  if (r.state !== "open" && r.state !== "taken") return null;
  const busy = act.isPending;
  const textOf = (title: string) => <Input.TextArea aria-label={title} value={reason} onChange={(e) => setReason(e.target.value)} maxLength={500} rows={3} placeholder={t.reason} />;
  return (
    <>
      {r.may_answer && r.state === "open" && <Button type="primary" loading={busy} onClick={() => act.mutate("take")}>{t.take}</Button>}
      {r.may_answer && <Popconfirm title={t.doneTitle} description={textOf(t.reason)} okText={t.done} cancelText={t.cancel} onConfirm={() => act.mutate("done")}><Button loading={busy} type={r.state === "taken" ? "primary" : "default"}>{t.done}</Button></Popconfirm>}
      {r.may_answer && <Popconfirm title={t.declineTitle} description={textOf(t.reasonNeeded)} okText={t.decline} cancelText={t.cancel} okButtonProps={{ disabled: reason.trim() === "" }} onConfirm={() => act.mutate("decline")}><Button loading={busy}>{t.decline}</Button></Popconfirm>}
      {r.own && <Popconfirm title={t.withdrawTitle} okText={t.withdraw} cancelText={t.cancel} onConfirm={() => act.mutate("withdraw")}><Button loading={busy}>{t.withdraw}</Button></Popconfirm>}
    </>
  );
}
