import { Button, Select } from "antd";
import { ArrowLeftOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Fragment, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { useMay, useMe } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading } from "../../ui/states";
import { PasswordAction, StateActions } from "./actions";
import { Editor } from "./editor";
import { SelfCheckOf } from "../selfcheck/agent";
import { Diagnose, Name, nameOf, Presence, Receiving, State } from "./parts";
import { accountQuery, documentQuery, permissionsQuery, type Account, type Role } from "./queries";
import { Sessions } from "./sessions";
import { agentsText } from "./text";

/** The page of one account: who it is, what can be done with it, what it may do and why. */
export function AgentPage({ name }: { readonly name: string }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const account = useQuery(accountQuery(name, language));
  const permissions = useQuery(permissionsQuery(name, language));
  const document = useQuery(documentQuery(name));
  const back = <Link to="/agents" className="agents-back"><ArrowLeftOutlined /> {t.back}</Link>;
  const failed = [account, permissions, document].find((q) => q.data === undefined && q.error);
  if (failed) {
    const gone = failed.error instanceof ApiError && failed.error.status === 404;
    return (
      <PageBody title={<bdi>{name}</bdi>} extra={back}>
        {gone ? <Empty title={t.unknownAccount} text={t.unknownAccountText(name)} /> : <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />}
      </PageBody>
    );
  }
  if (account.data === undefined || permissions.data === undefined || document.data === undefined) return <PageBody title={<bdi>{name}</bdi>} extra={back}><Loading rows={12} /></PageBody>;
  return (
    <PageBody title={<Name of={account.data} />} extra={back}>
      <div className="agents-person">
        <Profile account={account.data} roles={permissions.data.roles} />
        <Sessions account={account.data} />
        <Editor account={account.data} permissions={permissions.data} document={document.data} />
      </div>
    </PageBody>
  );
}

function Profile({ account, roles }: { readonly account: Account; readonly roles: readonly Role[] }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const mayState = useMay("account.state");
  const mayPassword = useMay("account.password");
  const mine = useMe()?.account === account.name;
  const facts: readonly (readonly [string, ReactNode])[] = [
    [t.login, <bdi key="v">{account.name}</bdi>],
    [t.alias, account.alias],
    [t.number, account.number],
    [t.position, account.position],
    [t.teamsOf, account.teams.length === 0 ? t.none : t.list(account.teams.map(nameOf))],
    [t.load, t.loadCount(account.load)],
    [t.expires, account.expires === undefined ? undefined : clock(account.expires, language)],
    [t.password, account.has_password ? t.passwordSet : t.passwordNone],
  ];
  return (
    <section className="card agents-profile" aria-label={t.profile}>
      <div className="agents-profile-head">
        <div className="agents-now">
          <State account={account} />
          {account.agent && <Presence account={account} />}
          <Receiving account={account} />
        </div>
        <div className="agents-actions">
          {account.agent && <Diagnose account={account}><Button tabIndex={-1}>{t.diagnose}</Button></Diagnose>}
          {account.agent && !mine && <SelfCheckOf agent={account.name} name={nameOf(account)} />}
          {account.agent && <Simulate account={account.name} roles={roles} />}
          {mayPassword && !mine && <PasswordAction account={account} />}
          {mayState && <StateActions account={account} />}
        </div>
      </div>
      {account.state_reason !== undefined && account.state !== "active" && <p className="agents-because"><bdi>{t.because(account.state_reason)}</bdi></p>}
      <dl className="agents-facts">
        {facts.filter(([, value]) => value !== undefined && value !== "").map(([title, value]) => (
          <Fragment key={title}><dt>{title}</dt><dd>{typeof value === "string" ? <bdi>{value}</bdi> : value}</dd></Fragment>
        ))}
      </dl>
    </section>
  );
}

/** Simulate leads to the diagnosis as it would be if the account had another role. Nothing is changed. */
function Simulate({ account, roles }: { readonly account: string; readonly roles: readonly Role[] }): ReactNode {
  const t = useWords(agentsText);
  const navigate = useNavigate();
  return (
    <Select className="agents-simulate" aria-label={t.simulate} placeholder={t.simulate} value={null} options={roles.map((r) => ({ value: r.name, label: nameOf(r) }))}
      onChange={(role: string | null) => { if (role !== null) void navigate({ href: `/diagnosis?agent=${encodeURIComponent(account)}&as=${encodeURIComponent(role)}` }); }} />
  );
}
