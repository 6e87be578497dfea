import { Alert, Button, Form, Input } from "antd";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { prefer, usePreferences } from "../../app/preferences";
import { signIn } from "../../app/session";
import { useWords } from "../../app/words";
import { safeTarget } from "./target";
import { signInText } from "./text";
import "./signin.css";

interface Fields {
  readonly account: string;
  readonly password: string;
}

/** The sign-in page. It says no more than the server does about why somebody may not come in. */
export default function SignIn(): ReactNode {
  const t = useWords(signInText);
  const { language } = usePreferences();
  const to = useTarget();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const wait = useCountdown(error);

  const submit = async ({ account, password }: Fields): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn(account.trim(), password);
      await navigate({ href: safeTarget(to), replace: true });
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const says = error && (wait > 0 ? t.wait(wait) : error.status === 0 ? t.network : error.status === 429 ? undefined : error.code === "identity.wrong_password" ? t.wrong : error.message);
  return (
    <div className="sign-in">
      <main className="sign-in-card">
        <img src="/icon.svg" alt="" width={48} height={48} />
        <h1>Bida 必达</h1>
        {to !== undefined && !error && <Alert type="info" title={t.ended} />}
        {says !== undefined && <Alert type={error?.status === 429 ? "warning" : "error"} title={says} role="alert" />}
        <Form<Fields> layout="vertical" requiredMark={false} onFinish={submit} disabled={busy}>
          <Form.Item name="account" label={t.account} rules={[{ required: true, whitespace: true, message: t.accountMissing }]}>
            <Input size="large" autoComplete="username" autoFocus autoCapitalize="none" spellCheck={false} maxLength={64} />
          </Form.Item>
          <Form.Item name="password" label={t.password} rules={[{ required: true, message: t.passwordMissing }]}>
            <Input.Password size="large" autoComplete="current-password" maxLength={256} />
          </Form.Item>
          <Button type="primary" htmlType="submit" size="large" className="sign-in-submit" block loading={busy} disabled={wait > 0}>{t.submit}</Button>
        </Form>
      </main>
      <Button type="link" onClick={() => prefer({ language: language === "zh" ? "en" : "zh" })}>{t.language}</Button>
    </div>
  );
}

/** useTarget is the address that the person came from, if any. */
function useTarget(): string | undefined {
  const search: unknown = useSearch({ strict: false });
  const to = typeof search === "object" && search !== null && "to" in search ? search.to : undefined;
  return typeof to === "string" ? to : undefined;
}

/** useCountdown counts the seconds down that the server asks to wait. */
function useCountdown(error: ApiError | undefined): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (error?.status !== 429) {
      setLeft(0);
      return;
    }
    const until = Date.now() + Math.max(error.retryAfter, 1) * 1000;
    const tick = (): void => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
