import { Button, Input, Select, Table, Tag } from "antd";
import { FilterOutlined } from "@ant-design/icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import { clock, exact, kindTitle } from "@bida/shared/format";
import { api } from "../../app/api";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { Marked, Reasons } from "./parts";
import { filtersQuery, inboxesQuery } from "./queries";
import { filtersText } from "./text";
import "./filters.css";

type Rule = Schemas["Filter"];
type Test = Schemas["FilterTestAnswer"];
type Tried = Schemas["RuleTest"];

/** The filter rules in their order with how often each took effect, and the bench on which texts are tried. */
export default function FiltersPage(): ReactNode {
  const t = useWords(filtersText);
  const rules = useQuery(filtersQuery);
  return (
    <PageBody title={t.filters}>
      {rules.data === undefined ? (rules.error ? <ErrorState error={rules.error} onRetry={() => void rules.refetch()} /> : <Loading />)
        : rules.data.filters.length === 0 ? <Empty icon={<FilterOutlined />} title={t.noFilters} text={t.noFiltersText} /> : <><Rules rules={rules.data.filters} /><Bench /></>}
    </PageBody>
  );
}

function Rules({ rules }: { readonly rules: readonly Rule[] }): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const c = t.columns;
  return (
    <Table<Rule> size="middle" pagination={false} rowKey="name" dataSource={[...rules]} className="filters-rules" columns={[
      { title: c.rule, render: (_, r) => <><bdi>{r.title ?? r.name}</bdi>{r.title !== undefined && <div className="soft"><code>{r.name}</code></div>}</> },
      { title: c.order, responsive: ["md"], render: (_, r) => (r.gone === true ? "" : <span className="numbers">{r.order}</span>) },
      { title: c.action, render: (_, r) => (r.gone === true ? <Tag>{t.deleted}</Tag> : <>{t.actions[r.action]}{!r.enabled && <> <Tag>{t.off}</Tag></>}</>) },
      { title: c.day, align: "end", responsive: ["md"], render: (_, r) => <span className="numbers">{r.hits.day}</span> },
      { title: c.week, align: "end", render: (_, r) => <span className="numbers">{r.hits.week}</span> },
      { title: c.total, align: "end", render: (_, r) => <span className="numbers">{r.hits.total}</span> },
      { title: c.last, responsive: ["md"], render: (_, r) => (r.hits.last === undefined ? <span className="soft">{t.never}</span> : <span className="numbers" title={exact(r.hits.last)}>{clock(r.hits.last, language)}</span>) },
    ]} />
  );
}

function Bench(): ReactNode {
  const t = useWords(filtersText);
  const language = useLanguage();
  const inboxes = useQuery(inboxesQuery).data ?? [];
  const [text, setText] = useState("");
  const [picked, setPicked] = useState("");
  const [kind, setKind] = useState("customer");
  const [sender, setSender] = useState("");
  const inbox = picked === "" ? (inboxes[0]?.name ?? "") : picked;
  const run = useMutation({
    mutationFn: async () => ({ text, answer: await ask(api.POST("/filters/test", { body: { text, inbox, kind, ...(sender === "" ? {} : { sender }) } })) }),
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

/** Result is the answer first, then every rule, hit or miss. */
function Result({ text, test }: { readonly text: string; readonly test: Test }): ReactNode {
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
