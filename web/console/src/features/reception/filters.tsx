import { Button, Input } from "antd";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { kindTitle } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { Choice } from "../../ui/choice";
import { ErrorState } from "../../ui/states";
import { Result, tryText } from "../filters/bench";
import { filtersQuery } from "../filters/queries";
import { filtersText } from "../filters/text";
import "../filters/filters.css";
import type { Editable, FormProps } from "./editor";
import { Check, Field, LinesField, ManyField, NumberField, OneField, TextField, Wrong } from "./fields";
import { put } from "./merge";
import { choicesOf, kindsOf } from "./names";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";

export const filters: Editable = { kind: "filter", Form: FilterForm, fresh: { match: {}, action: "quarantine" }, content: true };

const actions = ["allow", "tag", "quarantine", "reject"] as const;

function FilterForm({ policy, name, spec, change, faults, readOnly }: FormProps): ReactNode {
  const t = useWords(receptionText);
  const f = useWords(sectionText).filter;
  const words = useWords(filtersText);
  const language = useLanguage();
  const action = actions.find((a) => a === spec["action"]) ?? "quarantine";
  const hits = useQuery(filtersQuery).data?.filters.find((r) => r.name === name)?.hits;
  const match = typeof spec["match"] === "object" && spec["match"] !== null ? (spec["match"] as Readonly<Record<string, unknown>>) : {};
  const senders = typeof match["senders"] === "object" && match["senders"] !== null ? (match["senders"] as Readonly<Record<string, unknown>>) : {};
  const set = (path: string, value: unknown): void => {
    const next = put(spec, path, value);
    change(next["match"] === undefined ? { ...next, match: {} } : next); // the server says what a rule without conditions lacks
  };
  return (
    <>
      <section className="card rc-form">
        <TextField label={t.titleField} value={spec["title"]} onChange={(v) => set("/title", v)} wrong={faults.at("/title")} disabled={readOnly} />
        <NumberField label={f.order} value={spec["order"]} onChange={(v) => set("/order", v)} hint={f.orderHint} wrong={faults.at("/order")} disabled={readOnly} />
        <ManyField label={t.inboxes} value={spec["inboxes"]} options={choicesOf(policy, "inbox")} onChange={(v) => set("/inboxes", v)} wrong={faults.at("/inboxes")} placeholder={t.all} disabled={readOnly} />
        <ManyField label={t.kinds} value={spec["kinds"]} options={kindsOf(policy).map((k) => ({ value: k, label: kindTitle(k, language) }))} onChange={(v) => set("/kinds", v)} wrong={faults.at("/kinds")} placeholder={t.all} disabled={readOnly} />
        <div className="rc-field" data-wide="">
          <Check label={f.enabled} value={spec["enabled"] !== false} disabled={readOnly} onChange={(on) => change(on ? put(spec, "/enabled", undefined) : { ...spec, enabled: false })} />
          {hits && <p className="soft numbers">{f.hits(hits.day, hits.week, hits.total)}</p>}
        </div>
      </section>
      <section className="card rc-form" aria-labelledby="rc-match">
        <h2 id="rc-match">{f.match}</h2>
        <div className="rc-field" data-wide=""><Wrong of={faults.at("/match", false)} /></div>
        <LinesField label={f.keywords} value={match["keywords"]} onChange={(v) => set("/match/keywords", v)} hint={f.keywordsHint} wrong={faults.at("/match/keywords")} disabled={readOnly} rows={5} />
        <LinesField label={f.patterns} value={match["patterns"]} onChange={(v) => set("/match/patterns", v)} hint={f.patternsHint} wrong={faults.at("/match/patterns")} disabled={readOnly} />
        <LinesField label={f.block} value={senders["block"]} onChange={(v) => set("/match/senders/block", v)} hint={f.blockHint} wrong={faults.at("/match/senders/block")} disabled={readOnly} />
        <LinesField label={f.allow} value={senders["allow"]} onChange={(v) => set("/match/senders/allow", v)} hint={f.allowHint} wrong={faults.at("/match/senders/allow")} disabled={readOnly} />
        <Field label={f.expression} wide hint={<code>{f.expressionHint}</code>} wrong={faults.at("/match/expression")}>
          {(ids) => <textarea {...ids} className="rc-input" dir="auto" rows={2} spellCheck={false} disabled={readOnly} value={typeof match["expression"] === "string" ? match["expression"] : ""} onChange={(e) => set("/match/expression", e.target.value)} />}
        </Field>
      </section>
      <section className="card rc-form">
        <fieldset className="rc-field" data-wide="" disabled={readOnly}>
          <legend>{f.action}</legend>
          <Choice label={f.action} value={action} options={actions.map((value) => ({ value, label: words.actions[value] }))}
            onChange={(to) => change({ ...(to === "tag" ? spec : put(spec, "/tag", undefined)), action: to })} />
          <p className="soft">{f.actionTexts[action]}</p>
          <Wrong of={faults.at("/action")} />
        </fieldset>
        {action === "tag" && <TextField label={f.tag} value={spec["tag"]} onChange={(v) => set("/tag", v)} wrong={faults.at("/tag")} disabled={readOnly} />}
        <TextField label={t.reason} value={spec["reason"]} onChange={(v) => set("/reason", v)} hint={f.reasonHint} wrong={faults.at("/reason")} disabled={readOnly} />
      </section>
      <DraftBench name={name} spec={spec} policy={policy} ready={name !== "" && !faults.any} />
    </>
  );
}

/** DraftBench tries the rule as it is in the form, among the others that are in force. */
function DraftBench({ name, spec, policy, ready }: { readonly name: string; readonly spec: FormProps["spec"]; readonly policy: FormProps["policy"]; readonly ready: boolean }): ReactNode {
  const f = useWords(sectionText).filter;
  const t = useWords(filtersText);
  const words = useWords(receptionText);
  const inboxes = choicesOf(policy, "inbox");
  const [text, setText] = useState("");
  const [sender, setSender] = useState("");
  const [picked, pick] = useState<string>();
  const inbox = picked ?? inboxes[0]?.value ?? "";
  const run = useMutation({ mutationFn: async () => ({ text, answer: await tryText({ text, inbox, sender, documents: [{ kind: "filter", name, spec: { ...spec } }] }) }) });
  return (
    <section className="card filters-bench" aria-labelledby="bench">
      <h2 id="bench">{f.bench}</h2>
      <p className="soft">{f.benchText}</p>
      <Input.TextArea aria-label={t.text} placeholder={t.text} value={text} onChange={(e) => setText(e.target.value)} rows={3} maxLength={5000} dir="auto" />
      <div className="rc-bench">
        <OneField label={words.inboxes} value={inbox} options={inboxes} onChange={pick} none={false} />
        <TextField label={t.sender} value={sender} onChange={setSender} max={128} />
        <Button type="primary" loading={run.isPending} disabled={inbox === "" || !ready} onClick={() => run.mutate()}>{t.run}</Button>
      </div>
      {run.error && <ErrorState error={run.error} />}
      {run.data && <Result text={run.data.text} test={run.data.answer} />}
    </section>
  );
}
