import { App, Button, Checkbox, Drawer, Modal } from "antd";
import { CopyOutlined, ReloadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { copyText } from "../../app/clipboard";
import { useMe, type Me } from "../../app/me";
import { signOut } from "../../app/session";
import { useLanguage, useWords } from "../../app/words";
import { usePhone } from "../workspace/clockwork";
import { useLive } from "../workspace/live";
import { usePresence } from "../workspace/presence";
import { ErrorState, Loading } from "../../ui/states";
import { essential, tests, type Found } from "./checks";
import { clear, device, unsent } from "./clear";
import { FoundList, type Shown } from "./found";
import { Cells, Verdict } from "./outlook";
import { outlookQuery } from "./queries";
import { check, report } from "./run";
import { summary } from "./summary";
import { selfcheckText } from "./text";
import "./selfcheck.css";

/** SelfCheckDrawer answers "can I receive?" for the person at this window: what the engine says, and what the window finds when it tries itself out. */
export default function SelfCheckDrawer({ onClose }: { readonly onClose: () => void }): ReactNode {
  const t = useWords(selfcheckText);
  const phone = usePhone();
  const me = useMe();
  return (
    <Drawer open onClose={onClose} title={t.title} placement={phone ? "bottom" : "right"} size={phone ? "92%" : 520} className="sc-drawer">
      {me === undefined ? <Loading /> : <SelfCheck me={me} onClose={onClose} />}
    </Drawer>
  );
}

/** useCheck tries this window out once when it is shown, and again when asked. */
function useCheck(): { readonly found: readonly Found[]; readonly busy: boolean; readonly again: () => void } {
  const live = useLive();
  const now = useRef(live);
  const [found, setFound] = useState<readonly Found[]>([]);
  const [busy, setBusy] = useState(true);
  const left = useRef(false);
  useEffect(() => {
    now.current = live;
  }, [live]);
  const begin = useCallback(async (): Promise<void> => {
    const all = await check(now.current, true, (f) => left.current || setFound((before) => [...before.filter((x) => x.test !== f.test), f]));
    if (now.current) void report(now.current, all);
    if (!left.current) setBusy(false);
  }, []);
  const again = useCallback(() => {
    setFound([]);
    setBusy(true);
    void begin();
  }, [begin]);
  useEffect(() => {
    left.current = false;
    void begin();
    return () => {
      left.current = true;
    };
  }, [begin]);
  return { found, busy, again };
}

function SelfCheck({ me, onClose }: { readonly me: Me; readonly onClose: () => void }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  const { message } = App.useApp();
  const outlook = useQuery(outlookQuery(me.account, language));
  const { found, busy, again } = useCheck();
  const failed = found.some((f) => essential.has(f.test) && f.outcome === "block" && f.result !== "limited");
  const repeat = (): void => {
    again();
    void outlook.refetch();
  };
  const copy = (): void => void copyText(summary(t, outlook.data, found, language, new Date())).then(() => message.success(t.copied), () => message.error(t.copyFailed));
  return (
    <div className="sc" aria-busy={busy}>
      {outlook.data === undefined ? (outlook.error ? <ErrorState error={outlook.error} onRetry={() => void outlook.refetch()} /> : <Loading rows={3} />)
        : <Verdict outlook={outlook.data} failed={failed} />}
      <section aria-labelledby="sc-here">
        <h2 id="sc-here">{t.here} {!busy && <small className="soft numbers">{t.passed(found.filter((f) => f.outcome === "pass").length, tests.length)}</small>}</h2>
        <p className="soft">{t.hereText}</p>
        <FoundList found={found} extra={(f) => <Allow found={f} onDone={again} />} />
      </section>
      {outlook.data && <Cells outlook={outlook.data} own />}
      <Actions me={me} onClose={onClose} />
      <footer className="sc-foot">
        <Button icon={<ReloadOutlined />} onClick={repeat} loading={busy}>{t.again}</Button>
        <Button icon={<CopyOutlined />} onClick={copy} disabled={busy}>{t.copy}</Button>
        {outlook.data && <span className="soft numbers">{t.asOf(clock(outlook.data.at, language, new Date(), true))}</span>}
      </footer>
    </div>
  );
}

/** Allow asks the browser for notifications where it can still be asked, and says what else helps. */
function Allow({ found, onDone }: { readonly found: Shown; readonly onDone: () => void }): ReactNode {
  const t = useWords(selfcheckText);
  if (found.test !== "notifications") return null;
  if (found.result === "denied") return <small className="soft">{t.blockedByBrowser}</small>;
  if (found.result !== "not_asked") return null;
  return <Button size="small" onClick={() => void Notification.requestPermission().then(onDone, onDone)}>{t.allow}</Button>;
}

function Actions({ me, onClose }: { readonly me: Me; readonly onClose: () => void }): ReactNode {
  const t = useWords(selfcheckText);
  const navigate = useNavigate();
  const { set, busy } = usePresence();
  const [clearing, setClearing] = useState(false);
  const to = location.pathname + location.search;
  const again = (): void => void signOut().finally(() => void navigate({ to: "/sign-in", search: to === "/" ? {} : { to } }));
  const diagnose = (): void => {
    onClose();
    void navigate({ href: `/diagnosis?agent=${encodeURIComponent(me.account)}` });
  };
  return (
    <section aria-labelledby="sc-actions">
      <h2 id="sc-actions">{t.actions}</h2>
      <ul className="sc-actions">
        {me.presence.value !== "available" && me.permissions.includes("presence.set") && (
          <li><Button type="primary" loading={busy} onClick={() => void set({ value: "available" })}>{t.available}</Button></li>
        )}
        <li><Button onClick={diagnose}>{t.diagnose}</Button><small className="soft">{t.diagnoseText}</small></li>
        <li><Button onClick={again}>{t.signIn}</Button><small className="soft">{t.signInText}</small></li>
        <li><Button onClick={() => setClearing(true)}>{t.clear}</Button><small className="soft">{t.clearText}</small></li>
      </ul>
      {clearing && <ClearDialog account={me.account} onClose={() => setClearing(false)} />}
    </section>
  );
}

/** ClearDialog says what goes and what stays before anything is cleared. */
function ClearDialog({ account, onClose }: { readonly account: string; readonly onClose: () => void }): ReactNode {
  const t = useWords(selfcheckText);
  const [here] = useState(device);
  const [work] = useState(() => unsent(account, here));
  const [lose, setLose] = useState(false);
  const [busy, setBusy] = useState(false);
  const has = work.drafts + work.outgoing + work.edits > 0;
  const begin = (): void => {
    setBusy(true);
    void clear(account, lose, here).finally(() => location.reload());
  };
  return (
    <Modal open title={t.clearTitle} okText={t.clear} cancelText={t.cancel} onCancel={onClose} onOk={begin} okButtonProps={{ loading: busy, danger: lose }}>
      <div className="sc-clear">
        <p>{t.clearKeeps}</p>
        <p>{has ? t.unsent(work.drafts, work.outgoing, work.edits) : t.unsentNone}</p>
        {has && <Checkbox checked={lose} onChange={(e) => setLose(e.target.checked)}>{t.loseUnsent}</Checkbox>}
      </div>
    </Modal>
  );
}
