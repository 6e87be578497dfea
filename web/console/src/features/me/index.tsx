import { App, Button, Form, Input, Popconfirm, Tag } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError, ask, type Schemas } from "@bida/shared/api";
import { ago, clock, exact } from "@bida/shared/format";
import { api } from "../../app/api";
import { useMe } from "../../app/me";
import { signOut } from "../../app/session";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, useErrorWords } from "../../ui/states";
import { deviceOf } from "./device";
import { meText } from "./text";
import "./me.css";

export default function MePage(): ReactNode {
  const t = useWords(meText);
  const account = useMe()?.account;
  return <PageBody title={t.title}>{account === undefined ? <Loading /> : <div className="me-grid"><Sessions account={account} /><Password account={account} /></div>}</PageBody>;
}

const sessionsOf = (account: string) => ({
  queryKey: ["sessions", account],
  queryFn: ({ signal }: { signal: AbortSignal }) => ask(api.GET("/accounts/{name}/sessions", { params: { path: { name: account } }, signal })),
});

function Sessions({ account }: { readonly account: string }): ReactNode {
  const t = useWords(meText);
  const sessions = useQuery(sessionsOf(account));
  return (
    <section className="card" aria-labelledby="my-sessions">
      <h2 id="my-sessions">{t.sessions}</h2>
      <p className="soft">{t.sessionsText}</p>
      {sessions.isPending ? <Loading rows={3} /> : sessions.isError ? <ErrorState error={sessions.error} onRetry={() => void sessions.refetch()} />
        : sessions.data.sessions.length === 0 ? <Empty title={t.none} />
          : <ul className="me-sessions">{sessions.data.sessions.map((s) => <Session key={s.id} account={account} session={s} />)}</ul>}
    </section>
  );
}

function Session({ account, session }: { readonly account: string; readonly session: Schemas["Session"] }): ReactNode {
  const t = useWords(meText);
  const language = useLanguage();
  const words = useErrorWords();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const end = useMutation({
    mutationFn: () => ask(api.DELETE("/accounts/{name}/sessions", { params: { path: { name: account }, query: { id: session.id } } })),
    onSuccess: () => {
      void message.success(t.ended);
      return cache.invalidateQueries({ queryKey: ["sessions", account] });
    },
    onError: (e) => void message.error(words(e)),
  });
  const leave = (): void => void signOut().finally(() => void navigate({ to: "/sign-in", search: {} }));
  return (
    <li>
      <div>
        <h3><bdi>{session.how === "password" ? deviceOf(session.user_agent ?? "") || t.browser : t.program}</bdi> {session.current === true && <Tag color="success">{t.current}</Tag>}</h3>
        <p className="soft">
          <span title={exact(session.since)}>{t.since(clock(session.since, language))}</span>
          {session.last_used !== undefined && <> · <span title={exact(session.last_used)}>{t.lastUsed(ago(session.last_used, language))}</span></>}
          {session.remote !== undefined && <> · <span className="numbers">{session.remote}</span></>}
          {" · "}{t.connections(session.connections.length)}
        </p>
      </div>
      {session.current === true ? <Button onClick={leave}>{t.endThis}</Button> : (
        <Popconfirm title={t.endTitle} description={t.endText} okText={t.end} cancelText={t.cancel} onConfirm={() => end.mutate()}>
          <Button loading={end.isPending}>{t.end}</Button>
        </Popconfirm>
      )}
    </li>
  );
}

interface Fields {
  readonly current: string;
  readonly password: string;
  readonly again: string;
}

function Password({ account }: { readonly account: string }): ReactNode {
  const t = useWords(meText);
  const words = useErrorWords();
  const [form] = Form.useForm<Fields>();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const change = useMutation({
    mutationFn: ({ current, password }: Fields) => ask(api.PUT("/accounts/{name}/password", { params: { path: { name: account } }, body: { current, password } })),
    onSuccess: () => {
      form.resetFields();
      void message.success(t.saved);
      return cache.invalidateQueries({ queryKey: ["sessions", account] });
    },
    onError: (e) => {
      const field = e instanceof ApiError ? e.field?.slice(1) : undefined;
      if (field === "current" || field === "password") form.setFields([{ name: field, errors: [words(e)] }]);
      else void message.error(words(e));
    },
  });
  const required = [{ required: true, message: t.missing }];
  return (
    <section className="card" aria-labelledby="my-password">
      <h2 id="my-password">{t.password}</h2>
      <p className="soft">{t.passwordHint}</p>
      <Form<Fields> form={form} layout="vertical" requiredMark={false} onFinish={(f) => change.mutate(f)} disabled={change.isPending}>
        <input type="text" name="username" autoComplete="username" value={account} readOnly hidden />
        <Form.Item name="current" label={t.currentPassword} rules={required}><Input.Password autoComplete="current-password" maxLength={256} /></Form.Item>
        <Form.Item name="password" label={t.newPassword} rules={required}><Input.Password autoComplete="new-password" maxLength={256} /></Form.Item>
        <Form.Item name="again" label={t.again} dependencies={["password"]} rules={[...required, ({ getFieldValue }) => ({
          validator: (_, value: unknown) => (value === undefined || value === "" || value === getFieldValue("password") ? Promise.resolve() : Promise.reject(new Error(t.different))),
        })]}><Input.Password autoComplete="new-password" maxLength={256} /></Form.Item>
        <Button type="primary" htmlType="submit" loading={change.isPending}>{t.save}</Button>
      </Form>
    </section>
  );
}
