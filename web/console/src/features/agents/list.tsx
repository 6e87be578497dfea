import { Button, Checkbox, Input, Select, Switch, type InputRef } from "antd";
import { SearchOutlined, TeamOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useKeys } from "../../app/keys";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, Stale } from "../../ui/states";
import { found, needsLook, noFilter, type Filter } from "./filter";
import { Diagnose, Name, nameOf, Presence, Receiving, State } from "./parts";
import { accountsQuery, type Account } from "./queries";
import { agentsText } from "./text";

const states = ["active", "invited", "frozen", "disabled", "banned", "left", "expired"] as const;

// What was filtered is still so when somebody comes back from an account.
let kept: Filter = noFilter;
let keptCompact = false;

/** The list of all accounts: who may receive, who can, and what stops the others. */
export function AgentList(): ReactNode {
  const t = useWords(agentsText);
  const accounts = useQuery(accountsQuery(useLanguage()));
  const [filter, setFilter] = useState(kept);
  const [compact, setCompact] = useState(keptCompact);
  const search = useRef<InputRef>(null);
  useEffect(() => {
    kept = filter;
    keptCompact = compact;
  }, [filter, compact]);
  const all = accounts.data?.accounts;
  const deferred = useDeferredValue(filter);
  const shown = useMemo(() => found(all ?? [], deferred), [all, deferred]);
  const teams = useMemo(() => {
    const byName = new Map((all ?? []).flatMap((a) => a.teams).map((team) => [team.name, nameOf(team)]));
    return [...byName].map(([value, label]) => ({ value, label })).sort((a, b) => a.label.localeCompare(b.label));
  }, [all]);
  useKeys(useMemo(() => [
    { key: "/", does: t.keySearch, group: t.keyGroup, run: () => search.current?.focus() },
    { key: "u", does: t.keyUnexpected, group: t.keyGroup, run: () => setFilter((f) => ({ ...f, unexpected: !f.unexpected })) },
  ], [t]));

  if (accounts.data === undefined) {
    return <PageBody title={t.title}>{accounts.error ? <ErrorState error={accounts.error} onRetry={() => void accounts.refetch()} /> : <Loading rows={10} />}</PageBody>;
  }
  const odd = (all ?? []).filter((a) => a.agent && needsLook(a)).length;
  return (
    <PageBody title={t.title} extra={<span className="agents-count soft numbers"><Stale at={accounts.dataUpdatedAt} after={30_000} /> {t.count(shown.length, accounts.data.accounts.length)}</span>}>
      <div className="agents-filter" role="search">
        <Input ref={search} className="agents-search" allowClear prefix={<SearchOutlined />} placeholder={t.search} aria-label={t.search} maxLength={100}
          value={filter.text} onChange={(e) => setFilter({ ...filter, text: e.target.value })} />
        <Select aria-label={t.columns.state} value={filter.state} onChange={(state) => setFilter({ ...filter, state })} popupMatchSelectWidth={false}
          options={[{ value: "", label: t.allStates }, ...states.map((value) => ({ value, label: t.states[value] }))]} />
        <Select aria-label={t.columns.teams} value={filter.team} onChange={(team) => setFilter({ ...filter, team })} popupMatchSelectWidth={false} className="agents-team"
          options={[{ value: "", label: t.allTeams }, ...teams, { value: "-", label: t.noTeam }]} />
        <Checkbox checked={filter.unexpected} onChange={(e) => setFilter({ ...filter, unexpected: e.target.checked })}>{t.unexpectedOnly}{odd > 0 && <span className="numbers"> ({odd})</span>}</Checkbox>
        <Checkbox checked={filter.agents} onChange={(e) => setFilter({ ...filter, agents: e.target.checked })}>{t.agentsOnly}</Checkbox>
        <label className="agents-compact phone-hidden"><Switch size="small" checked={compact} onChange={setCompact} aria-label={t.compact} /> {t.compact}</label>
      </div>
      {shown.length > 0 && <Rows accounts={shown} compact={compact} />}
      {shown.length === 0 && accounts.data.accounts.length === 0 && <Empty icon={<TeamOutlined />} title={t.emptyTitle} text={t.emptyText} />}
      {shown.length === 0 && accounts.data.accounts.length > 0 && (
        <Empty title={t.noneTitle} text={t.noneText}><Button onClick={() => setFilter(noFilter)}>{t.clear}</Button></Empty>
      )}
    </PageBody>
  );
}

/** Rows draws only those rows that can be seen; of a thousand that is what keeps it quick. */
function Rows({ accounts, compact }: { readonly accounts: readonly Account[]; readonly compact: boolean }): ReactNode {
  const t = useWords(agentsText);
  const box = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const [selected, setSelected] = useState(-1);
  const phone = window.matchMedia("(max-width: 720px)").matches;
  const height = phone ? 92 : compact ? 40 : 56;
  const rows = useVirtualizer({ count: accounts.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 8 });
  useEffect(() => rows.measure(), [rows, height]);
  const at = Math.min(selected, accounts.length - 1);
  useKeys(useMemo(() => {
    const move = (to: number): void => {
      const next = Math.max(0, Math.min(accounts.length - 1, to));
      setSelected(next);
      rows.scrollToIndex(next);
    };
    const open = (): void => {
      const account = accounts[at];
      if (account) void navigate({ to: `/agents/${encodeURIComponent(account.name)}` });
    };
    return [
      { key: "j", does: t.keyMove, group: t.keyGroup, run: () => move(at + 1) },
      { key: "k", does: t.keyUp, group: t.keyGroup, run: () => move(at - 1) },
      { key: "o", does: t.keyOpen, group: t.keyGroup, run: open },
    ];
  }, [accounts, at, navigate, rows, t]));
  const c = t.columns;
  return (
    <div className="agents-table card" role="table" aria-rowcount={accounts.length + 1} aria-label={t.title}>
      <div className="agents-row agents-head" role="row">
        {[c.name, c.position, c.roles, c.teams, c.state, c.presence, c.receiving].map((title) => <span role="columnheader" key={title}>{title}</span>)}
        <span role="columnheader"><span className="visually-hidden">{c.actions}</span></span>
      </div>
      <div className="agents-rows" ref={box} role="rowgroup" tabIndex={0} aria-label={t.title}>
        <div role="presentation" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((item) => {
            const account = accounts[item.index];
            return account && (
              <div key={account.name} role="row" aria-rowindex={item.index + 2} aria-selected={item.index === at} className="agents-row agents-body"
                style={{ position: "absolute", insetInline: 0, insetBlockStart: 0, height: item.size, transform: `translateY(${item.start}px)` }}>
                <Cells account={account} compact={compact} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Cells({ account, compact }: { readonly account: Account; readonly compact: boolean }): ReactNode {
  const t = useWords(agentsText);
  const more = [account.alias, account.number].filter((x) => x !== undefined && x !== "");
  return (
    <>
      <span role="cell" className="agents-who">
        <Link to={`/agents/${encodeURIComponent(account.name)}`} aria-label={t.open(nameOf(account))}><Name of={account} cut /></Link>
        <span className={compact ? "agents-cut soft phone-hidden" : "agents-cut soft"}>{more.length === 0 ? <bdi>{account.name}</bdi> : more.map((x, i) => <span key={x}>{i > 0 && " · "}<bdi>{x}</bdi></span>)}</span>
      </span>
      <span role="cell" className="agents-cut phone-hidden"><bdi title={account.position}>{account.position}</bdi></span>
      <span role="cell" className="agents-cut phone-hidden"><Names list={account.roles} /></span>
      <span role="cell" className="agents-cut phone-hidden"><Names list={account.teams} /></span>
      <span role="cell"><State account={account} /></span>
      <span role="cell"><Presence account={account} /></span>
      <span role="cell" className="agents-receiving"><Receiving account={account} /></span>
      <span role="cell" className="agents-do">
        {account.agent && <Diagnose account={account}>{t.diagnose}</Diagnose>}
      </span>
    </>
  );
}

function Names({ list }: { readonly list: readonly { readonly name: string; readonly title?: string }[] }): ReactNode {
  const t = useWords(agentsText);
  if (list.length === 0) return <span className="soft">–</span>;
  return <bdi title={t.list(list.map(nameOf))}>{t.list(list.map(nameOf))}</bdi>;
}
