import { Button } from "antd";
import { EyeInvisibleOutlined, EyeOutlined } from "@ant-design/icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { prefer, usePreferences } from "../../app/preferences";
import { signIn } from "../../app/session";
import { useWords } from "../../app/words";
import { safeTarget } from "./target";
import { signInText } from "./text";
import "./signin.css";

/** The sign-in page. It says no more than the server does about why somebody may not come in. It is plain HTML: nobody should wait to be let in. */
export default function SignIn(): ReactNode {
  const t = useWords(signInText);
  const { language } = usePreferences();
  const to = useTarget();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [account, setAccount] = useState("");
  const [password, setPassword] = useState("");
  const [shown, show] = useState(false);
  const [tried, setTried] = useState(false);
  const wait = useCountdown(error);

  const submit = async (e: FormEvent): Promise<void> => {
    e.preventDefault();
    setTried(true);
    if (account.trim() === "" || password === "" || wait > 0) return;
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
        {to !== undefined && !error && <p className="sign-in-says" data-tone="info">{t.ended}</p>}
        {says !== undefined && <p className="sign-in-says" data-tone={error?.status === 429 ? "warning" : "error"} role="alert">{says}</p>}
        <form onSubmit={submit} noValidate className="sign-in-form">
          <Field label={t.account} missing={tried && account.trim() === "" ? t.accountMissing : undefined} name="account" value={account} disabled={busy}
            onChange={(e) => setAccount(e.target.value)} autoComplete="username" autoFocus autoCapitalize="none" spellCheck={false} maxLength={64} />
          <Field label={t.password} missing={tried && password === "" ? t.passwordMissing : undefined} name="password" value={password} disabled={busy}
            onChange={(e) => setPassword(e.target.value)} type={shown ? "text" : "password"} autoComplete="current-password" maxLength={256}>
            <button type="button" className="sign-in-eye" aria-label={t.showPassword} aria-pressed={shown} onClick={() => show(!shown)}>{shown ? <EyeOutlined /> : <EyeInvisibleOutlined />}</button>
          </Field>
          <Button type="primary" htmlType="submit" size="large" className="sign-in-submit" block loading={busy} disabled={wait > 0}>{t.submit}</Button>
        </form>
      </main>
      <Button type="link" onClick={() => prefer({ language: language === "zh" ? "en" : "zh" })}>{t.language}</Button>
    </div>
  );
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  /** What to say under the field because it is empty. */
  readonly missing: string | undefined;
  readonly children?: ReactNode;
}

function Field({ label, missing, children, ...input }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className="sign-in-field">
      <label htmlFor={id}>{label}</label>
      <div className="sign-in-input">
        <input id={id} aria-invalid={missing !== undefined} aria-describedby={missing === undefined ? undefined : `${id}-missing`} {...input} />
        {children}
      </div>
      {missing !== undefined && <p id={`${id}-missing`} className="sign-in-missing">{missing}</p>}
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
