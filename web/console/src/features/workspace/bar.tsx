import { App, Button, DatePicker, Input, Popover, Radio, Segmented } from "antd";
import { DownOutlined } from "@ant-design/icons";
import { Link, useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import dayjs, { type Dayjs } from "dayjs";
import { useEffect, useState, type ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { ago, clock, kindTitle } from "@bida/shared/format";
import type { Status } from "@bida/shared/realtime";
import { Outcome, isOutcome } from "../../ui/outcome";
import { meQuery, useMay, useMe } from "../../app/me";
import { part } from "../../app/part";
import { useLanguage, useWords } from "../../app/words";
import { useNow, usePhone } from "./clockwork";
import { beginLive, endLive, onNotice, useStatus } from "./live";
import { usePresence } from "./presence";
import { sumUp } from "./reception";
import { workspaceText } from "./text";
import "./bar.css";

const SelfCheck = part(() => import("../selfcheck/drawer"), { waiting: null });

/** ReceptionBar stands in the top bar of every page of whoever may receive: the person's status, and whether anything can be received. */
export default function ReceptionBar(): ReactNode {
  const me = useMe();
  const may = useMay("realtime.connect");
  const account = me?.account;
  useEffect(() => {
    if (account !== undefined && may) beginLive(account);
  }, [account, may]);
  useEffect(() => endLive, []);
  useNotices();
  if (!me?.agent) return null;
  return <><CanReceive me={me} />{me.permissions.includes("presence.set") && <Availability presence={me.presence} />}</>;
}

/** useNotices shows what Bida tells the person, such as a change of the reception settings by somebody else. */
function useNotices(): void {
  const t = useWords(workspaceText);
  const { notification } = App.useApp();
  const navigate = useNavigate();
  useEffect(() => onNotice((e) => {
    const help = e.about?.startsWith("help/") ? e.about.slice("help/".length) : undefined;
    const phone = window.matchMedia("(max-width: 720px)").matches;
    notification.info({
      key: `notice ${e.agent_sequence}`, title: t.notice, description: <span dir="auto">{e.text}</span>,
      placement: phone ? "bottom" : "topRight", duration: phone ? 20 : 0, // there it lies on what the person is at
      actions: <Button size="small" onClick={() => {
        notification.destroy(`notice ${e.agent_sequence}`);
        void navigate(help === undefined ? { to: "/diagnosis" } : { to: "/diagnosis", search: { view: "help", request: help } });
      }}>{help === undefined ? t.seeDiagnosis : t.seeHelp}</Button>,
    });
  }), [notification, navigate, t]);
}

const cutAfter = 5_000;

const away = (state: Status["state"]): boolean => state === "offline" || state === "connecting";

function CanReceive({ me }: { readonly me: Schemas["MeAnswer"] }): ReactNode {
  const words = useWords(workspaceText);
  const t = words.receive;
  const language = useLanguage();
  const phone = usePhone();
  const at = useQuery(meQuery).dataUpdatedAt;
  const [open, setOpen] = useState(false);
  const [checking, setChecking] = useState(false);
  const mayCheck = me.permissions.includes("diagnosis.self") || me.permissions.includes("diagnosis.view");
  const check = (): void => {
    setOpen(false);
    setChecking(true);
  };
  const now = useNow(5_000);
  const status = useStatus();
  const { outcome: decided, can, first } = sumUp(me.can_receive);
  // What the server last said does not hold for a tab that nothing reaches.
  const cut = decided !== "not_applicable" && (status.state === "ended" || (away(status.state) && status.code !== undefined && now - status.since > cutAfter));
  const outcome = cut ? "block" : decided;
  const presence = me.presence.value;
  const own = !cut && can === 0 && first?.gate === "presence"; // the status beside says it already
  let says: string;
  if (cut) says = phone ? t.cannot : t.cut;
  else if (outcome === "not_applicable") says = t.none;
  else if (outcome === "pass") says = t.can;
  else if (can > 0) says = t.partly(can, me.can_receive.length);
  else if (outcome === "unknown") says = t.unknown;
  else if (first?.until !== undefined && outcome === "wait") says = `${t.cannot} · ${t.waiting(clock(first.until, language))}`;
  else says = phone || own ? t.cannot : t.why(first?.reason ?? "");
  const cells = (
    <div className="rb-cells">
      <h2>{t.title}</h2>
      <ul>
        {me.can_receive.map((c) => (
          <li key={`${c.inbox} ${c.kind}`}>
            <span className="rb-cell-name"><bdi>{c.inbox_title}</bdi> · {kindTitle(c.kind, language)}</span>
            <Outcome outcome={isOutcome(c.outcome) ? c.outcome : "unknown"} expected={c.gate === "presence" && presence !== "available"}>
              {c.can ? undefined : <>{c.reason}{c.until !== undefined && ` · ${t.waiting(clock(c.until, language))}`}</>}
            </Outcome>
          </li>
        ))}
      </ul>
      <footer>
        <span className="soft numbers">{t.asOf(ago(new Date(at), language, new Date(now)))}</span>
        <span className="rb-ways">
          <Link to={`/diagnosis?agent=${encodeURIComponent(me.account)}&ask=1`} onClick={() => setOpen(false)}>{t.help}</Link>
          <Link to="/diagnosis?view=help&mine=1" onClick={() => setOpen(false)}>{t.requests}</Link>
          <Link to={`/diagnosis?agent=${encodeURIComponent(me.account)}`} onClick={() => setOpen(false)}>{t.diagnose}</Link>
          {mayCheck && <Button size="small" onClick={check}>{t.selfCheck}</Button>}
        </span>
      </footer>
    </div>
  );
  return (
    <>
      <Popover content={cells} trigger="click" open={open} onOpenChange={setOpen} placement="bottomRight" arrow={false}>
        <Button className="rb-pill" data-outcome={outcome} data-quiet={own ? "" : undefined} aria-label={says}>
          <i aria-hidden="true">{outcome === "pass" ? "✓" : outcome === "block" ? "✕" : outcome === "wait" ? "◷" : outcome === "unknown" ? "?" : "◦"}</i>
          <span className="rb-says">{phone && outcome === "pass" ? "" : says}</span>
        </Button>
      </Popover>
      {checking && <SelfCheck onClose={() => setChecking(false)} />}
    </>
  );
}

const breaks = ["lunch", "rest", "meeting", "training", "other"] as const;
const lengths = [15, 30, 60, 120] as const;

/** Availability is the person's own status: available, a break with its reason and end, not to be disturbed, offline. */
function Availability({ presence }: { readonly presence: Schemas["Presence"] }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const phone = usePhone();
  const [open, setOpen] = useState(false);
  const { set, busy } = usePresence();
  const choose = async (value: "available" | "dnd" | "offline"): Promise<void> => {
    if (await set({ value })) setOpen(false);
  };
  const menu = (
    <div className="rb-menu">
      <ul>
        {(["available", "dnd", "offline"] as const).map((value) => (
          <li key={value}>
            <button type="button" className="rb-choice" aria-pressed={presence.value === value} disabled={busy} onClick={() => void choose(value)}>
              <i className="rb-dot" data-presence={value} aria-hidden="true" />
              <span><b>{t.presence[value]}</b><small className="soft">{value === "available" ? t.presenceText.available : value === "dnd" ? t.presenceText.dnd : t.presenceText.offline}</small></span>
            </button>
          </li>
        ))}
      </ul>
      <Break busy={busy} onBegin={async (reason, until) => {
        if (await set({ value: "away", reason, ...(until ? { until: until.toISOString() } : {}) })) setOpen(false);
      }} />
    </div>
  );
  const reason = presence.value === "away" && presence.reason !== undefined && presence.reason !== "" ? presence.reason : undefined;
  const end = presence.until !== undefined && presence.value !== "available" ? t.backAt(clock(presence.until, language)) : undefined;
  const says = [t.presence[presence.value], reason, end].filter((x) => x !== undefined).join(" · ");
  return (
    <Popover content={menu} trigger="click" open={open} onOpenChange={setOpen} placement="bottomRight" arrow={false} destroyOnHidden>
      <Button className="rb-presence" aria-label={`${t.setPresence}: ${says}`} loading={busy && !open}>
        <i className="rb-dot" data-presence={presence.value} aria-hidden="true" />
        <span className="rb-says" dir="auto">{phone ? t.presence[presence.value] : says}</span>
        <DownOutlined className="rb-caret" aria-hidden="true" />
      </Button>
    </Popover>
  );
}

function Break({ busy, onBegin }: { readonly busy: boolean; readonly onBegin: (reason: string, until: Date | undefined) => Promise<void> }): ReactNode {
  const t = useWords(workspaceText);
  const [why, setWhy] = useState<(typeof breaks)[number]>("lunch");
  const [other, setOther] = useState("");
  const [minutes, setMinutes] = useState<number>(60);
  const [at, setAt] = useState<Dayjs | null>(null);
  const until = at ? at.toDate() : minutes > 0 ? new Date(Date.now() + minutes * 60_000) : undefined;
  const pick = (time: Dayjs | null): void => setAt(time && time.isBefore(dayjs()) ? time.add(1, "day") : time); // a time that is past today is tomorrow's
  return (
    <section className="rb-break">
      <h3><i className="rb-dot" data-presence="away" aria-hidden="true" />{t.break}</h3>
      <Radio.Group value={why} onChange={(e) => setWhy(e.target.value as (typeof breaks)[number])} options={breaks.map((b) => ({ value: b, label: t.breaks[b] }))} optionType="button" size="small" />
      {why === "other" && <Input size="small" value={other} onChange={(e) => setOther(e.target.value)} placeholder={t.breakOther} aria-label={t.breakOther} maxLength={50} />}
      <div className="rb-until">
        <Segmented size="small" value={at ? -1 : minutes} onChange={(v) => {
          setAt(null);
          setMinutes(v);
        }} options={[...lengths.map((m) => ({ value: m, label: t.breakFor(m) })), { value: 0, label: t.noEnd }]} />
        <DatePicker picker="time" size="small" format="HH:mm" minuteStep={5} value={at} onChange={pick} placeholder={t.breakUntil} aria-label={t.breakUntil} needConfirm={false} />
      </div>
      <p className="soft">{t.breakGrace}</p>
      <Button type="primary" block loading={busy} onClick={() => void onBegin(why === "other" ? other.trim() : t.breaks[why], until)}>{t.startBreak}</Button>
    </section>
  );
}
