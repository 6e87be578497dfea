import { Button } from "antd";
import { AudioMutedOutlined, BellOutlined, SoundOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { span } from "@bida/shared/format";
import { Close } from "@bida/shared/realtime";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { useNow } from "./clockwork";
import { useLive, useStatus } from "./live";
import { askToNotify, mayAsk } from "./notify";
import { rereport } from "./report";
import { setSound, soundOn } from "./sound";
import { workspaceText } from "./text";

const caughtUpShown = 30_000; // how long it is said what came late

/** ConnectionLine tells the truth about the connection in one line. */
export function ConnectionLine(): ReactNode {
  const t = useWords(workspaceText).connection;
  const [sound, hear] = useState(soundOn);
  const [ask, offer] = useState(mayAsk);
  return (
    <div className="ws-line">
      <Fares />
      {ask && <Button type="text" size="small" title={t.allowNotifications} aria-label={t.allowNotifications} icon={<BellOutlined />} onClick={() => void askToNotify().finally(() => {
        offer(mayAsk());
        rereport();
      })} />}
      <Button type="text" size="small" title={sound ? t.soundOn : t.soundOff} aria-label={t.sound} aria-pressed={sound} icon={sound ? <SoundOutlined /> : <AudioMutedOutlined />} onClick={() => {
        setSound(!sound);
        hear(!sound);
      }} />
    </div>
  );
}

/** CutLine says in the thread that the connection is gone, where the list with its line is out of sight. */
export function CutLine(): ReactNode {
  const state = useStatus().state;
  return state === "offline" || state === "ended" ? <div className="ws-cut"><Fares /></div> : null;
}

function Fares(): ReactNode {
  const t = useWords(workspaceText).connection;
  const language = useLanguage();
  const live = useLive();
  const status = useStatus();
  const mayConnect = useMay("realtime.connect");
  const now = useNow(1_000);
  const navigate = useNavigate();
  const since = Math.max(0, now - status.since);
  const away = span(Math.max(1, Math.round(since / 1000)) * 1000, language); // nobody counts in less than seconds here
  if (!mayConnect) return <p className="ws-fares" data-state="ended"><i aria-hidden="true">✕</i><span>{t.noRight}</span></p>;
  const parts: ReactNode[] = [];
  switch (status.state) {
    case "idle":
      parts.push(t.idle);
      break;
    case "connecting":
      parts.push(status.code === undefined ? t.connecting : t.offline(away));
      break;
    case "catching_up":
      parts.push(t.catching(status.caughtUp));
      break;
    case "live":
      parts.push(t.live);
      if (status.caughtUp > 0 && since < caughtUpShown) parts.push(` · ${t.caughtUp(status.caughtUp)}`);
      break;
    case "offline":
      parts.push(t.offline(away));
      break;
    case "ended":
      parts.push(status.code === Close.sessionEnded ? t.endedOther : t.ended(status.reason ?? ""));
      break;
  }
  return (
    <p className="ws-fares" data-state={status.state === "connecting" && status.code === undefined ? "connecting" : status.state} role="status">
      <i aria-hidden="true" />
      <span className="numbers" dir="auto">{parts}</span>
      {status.transport === "sse" && status.state !== "ended" && <span className="ws-tag" tabIndex={0} title={t.sseHint}>{t.sse}</span>}
      {status.state === "offline" && since > 3_000 && <Button type="link" size="small" onClick={() => live?.realtime.retryNow()}>{t.retryNow}</Button>}
      {status.state === "ended" && <Button type="link" size="small" onClick={() => void navigate({ to: "/sign-in", search: { to: location.pathname } })}>{t.signInAgain}</Button>}
    </p>
  );
}
