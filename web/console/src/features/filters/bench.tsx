import { Button, Input, Select, Tag } from "antd";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import { kindTitle } from "@bida/shared/format";
import { api } from "../../app/api";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState } from "../../ui/states";
import { Marked, Reasons } from "./parts";
import { inboxesQuery } from "./queries";
import { filtersText } from "./text";
import "./filters.css";

type Test = Schemas["FilterTestAnswer"];
type Tried = Schemas["RuleTest"];

/** Bench is where texts are tried on the rules that are in force. */
export function Bench(): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const inboxes = useQuery(inboxesQuery).data ?? [];
  const [text, setText] = useState("");
  const [picked, setPicked] = useState("");
  const [kind, setKind] = useState("customer");
  const [sender, setSender] = useState("");
  const inbox = picked === "" ? (inboxes[0]?.name ?? "") : picked;
  const run = useMutation({
    mutationFn: async () => ({ text, answer: await tryText({ text, inbox, kind, sender }) }),
  });
  return (
    <section className="card filters-bench" aria-labelledby="bench">
      <h2 id="bench">{t.bench}</h2>
      <p className="soft">{t.benchText}</p>
      <Input.TextArea aria-label={t.text} placeholder={t.text} value={text} onChange={(e) => setText(e.target.value)} rows={4} maxLength={5000} />
      <div className="filters-bar">
        <Select aria-label={t.inbox} value={inbox} onChange={setPicked} popupMatchSelectWidth={false} className="filters-inbox" options={inboxes.map((i) => ({ value: i.name, label: i.title }))} />
        <Select aria-label={t.kind} value={kind} onChange={setKind} popupMatchSelectWidth={false} options={["customer", "group"].map((value) => ({ value, label: kindTitle(value, language) }))} />
        <Input aria-label={t.sender} placeholder={t.sender} value={sender} onChange={(e) => setSender(e.target.value)} maxLength={128} className="filters-sender" />
        <Button type="primary" loading={run.isPending} disabled={inbox === ""} onClick={() => run.mutate()}>{t.run}</Button>
      </div>
      {run.error && <ErrorState error={run.error} />}
      {run.data && <Result text={run.data.text} test={run.data.answer} />}
    </section>
  );
}

/** tryText says which rules take a text, and why; drafts are tried as if they were in force. */
export async function tryText({ sender = "", ...of }: Schemas["FilterTestInput"]): Promise<Test> {
  return ask(api.POST("/filters/test", { body: { ...of, ...(sender === "" ? {} : { sender }) } }));
}

/** Result is the answer first, then every rule, hit or miss. */
export function Result({ text, test }: { readonly text: string; readonly test: Test }): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const applied = test.rules.filter((r) => r.applied).flatMap((r) => r.hits);
  return (
    <div role="status" className="filters-result">
      <p><strong>{t.outcomes[test.outcome]}</strong>{test.rule !== undefined && <> · <bdi>{t.because(test.rules.find((r) => r.name === test.rule)?.title ?? test.rule)}</bdi></>}{test.tags.length > 0 && <> · <bdi>{t.tags(test.tags.join(language === "zh" ? "、" : ", "))}</bdi></>}</p>
      {text !== "" && <Marked text={text} hits={applied} />}
      <ul className="filters-tried">
        {test.rules.map((r) => (
          <li key={r.name} data-applied={r.applied ? "" : undefined}>
            <bdi>{r.title ?? r.name}</bdi> <span className="soft">{t.actions[r.action]}</span> <Tag color={r.applied ? "warning" : "default"}>{t[verdictOf(r)]}</Tag>
            {r.hits.length > 0 && <Reasons hits={r.hits} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function verdictOf(r: Tried): "applies" | "notConcerned" | "notMatched" | "disabled" | "tooLate" {
  if (r.applied) return "applies";
  if (!r.concerns) return "notConcerned";
  if (!r.matched) return "notMatched";
  return r.enabled ? "tooLate" : "disabled";
}
