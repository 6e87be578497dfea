import { Checkbox, Select } from "antd";
import { TeamOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ago, exact } from "@bida/shared/format";
import { useMay } from "../../app/me";
import { part } from "../../app/part";
import { useParameters } from "../../app/search";
import { useLanguage, useWords } from "../../app/words";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { helpFilters, helpQuery, type Help, type HelpFilter } from "./queries";
import { HelpState } from "./state";
import { helpText } from "./text";
import "./help.css";

const HelpRequestView = part(() => import("./request"));

/** The requests for help that the person may see; or one of them, with its report. */
export default function HelpView(): ReactNode {
  const [p] = useParameters();
  return p["request"] === undefined ? <List /> : <HelpRequestView id={p["request"]} />;
}

function List(): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  const all = useMay("diagnosis.view");
  const [p, change] = useParameters();
  const state = helpFilters.find((s) => s === p["state"]) ?? "active";
  const mine = p["mine"] === "1";
  const list = useQuery(helpQuery(state, mine, language));
  return (
    <>
      <div className="help-filters" role="search">
        <Select<HelpFilter> aria-label={t.filter} value={state} onChange={(s) => change({ state: s === "active" ? undefined : s })} options={helpFilters.map((s) => ({ value: s, label: t.states[s] }))} />
        {all && <Checkbox checked={mine} onChange={(e) => change({ mine: e.target.checked ? "1" : undefined })}>{t.mine}</Checkbox>}
      </div>
      {list.data === undefined ? (list.isPending ? <div className="card"><Loading /></div> : <ErrorState error={list.error} onRetry={() => void list.refetch()} />)
        : list.data.requests.length === 0 ? <Empty icon={<TeamOutlined />} title={t.none} text={t.noneText} />
          : <ul className="help-list">{list.data.requests.map((r) => <li key={r.id}><Row request={r} /></li>)}</ul>}
    </>
  );
}

function Row({ request: r }: { readonly request: Help }): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  return (
    <Link className="card help-row" to={`/diagnosis?view=help&request=${r.id}`}>
      <span className="help-row-state"><HelpState request={r} /></span>
      <b dir="auto">{t.of(r.agent.title, r.cause ?? t.noCause)}</b>
      <span className="soft numbers" title={exact(r.at)}><bdi>{t.by(r.by.title, ago(r.at, language))}</bdi>{r.asked > 1 && <> · {t.asked(r.asked)}</>}</span>
    </Link>
  );
}
