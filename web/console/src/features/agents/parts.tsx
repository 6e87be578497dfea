import { Tooltip } from "antd";
import { useNavigate } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import type { Account } from "./queries";
import { agentsText } from "./text";

/** nameOf is what people call an account or role: its title, else its name. What cannot be seen is no name. */
export function nameOf(named: { readonly name: string; readonly title?: string | undefined }): string {
  return named.title !== undefined && named.title.trim() !== "" ? named.title : named.name;
}

/** Name shows what somebody wrote, apart from the text around it whatever its direction, and cut where it is too long. */
export function Name({ of, cut = false }: { readonly of: { readonly name: string; readonly title?: string | undefined }; readonly cut?: boolean }): ReactNode {
  const text = nameOf(of);
  return <bdi className={cut ? "agents-cut" : "agents-name"} title={cut ? text : undefined}>{text}</bdi>;
}

/** Mark is a word that stands out by the colour of a state. */
export function Mark({ tone, children }: { readonly tone: "block" | "wait" | "quiet"; readonly children: ReactNode }): ReactNode {
  return <span className="agents-mark" data-tone={tone}>{children}</span>;
}

/** State is the account's state in words; only what is out of the ordinary has a colour. */
export function State({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const word = t.states[account.state];
  const until = account.state_until === undefined ? "" : t.until(clock(account.state_until, language));
  if (account.state === "active") return <span>{word}</span>;
  const calm = account.state === "invited" || account.state === "left" || account.state === "expired";
  const mark = <Mark tone={calm ? "quiet" : "block"}>{word}</Mark>;
  return (
    <span className="agents-state">
      {account.state_reason === undefined ? mark : <Tooltip title={<bdi>{t.because(account.state_reason)}</bdi>}><span>{mark}</span></Tooltip>}
      {until !== "" && <span className="soft numbers">{until}</span>}
    </span>
  );
}

/** Presence is what the person set; a shape says whether a connection is open. */
export function Presence({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const away = account.presence === "available" && !account.online;
  return (
    <span className="agents-presence" data-presence={account.online ? account.presence : "offline"}>
      <i aria-hidden="true" />
      {t.presences[account.presence]}
      {away && <span className="soft">· {t.offlineConnection}</span>}
    </span>
  );
}

/** Receiving says how many cells the account can receive, and what stops most of the others. */
export function Receiving({ account }: { readonly account: Account }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const { cells } = account;
  if (!account.agent) return <span className="soft">{t.notAgent}</span>;
  if (cells.of === 0) return <span className="soft">{t.nothingToReceive}</span>;
  const stopped = cells.of - cells.pass;
  const expected = cells.unexpected === 0 && cells.unknown === 0;
  const outcome = stopped === 0 ? "pass" : cells.unknown > 0 && cells.unexpected <= cells.unknown ? "unknown" : cells.wait === stopped ? "wait" : "block";
  const until = cells.until === undefined ? "" : ` · ${t.until(clock(cells.until, language))}`;
  return (
    <Outcome outcome={outcome} expected={outcome !== "pass" && expected}>
      <span className="numbers" aria-label={t.receiving(cells.pass, cells.of)}>{cells.pass}/{cells.of}</span>
      {stopped > 0 && <span className="soft agents-why">{cells.reason}{until}</span>}
    </Outcome>
  );
}

/** Diagnose leads to the diagnosis of an account. */
export function Diagnose({ account, children }: { readonly account: { readonly name: string; readonly title?: string | undefined }; readonly children: ReactNode }): ReactNode {
  const t = useWords(agentsText);
  const navigate = useNavigate();
  const href = `/diagnosis?agent=${encodeURIComponent(account.name)}`;
  const go = (e: MouseEvent): void => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return; // a new tab is the browser's business
    e.preventDefault();
    void navigate({ href });
  };
  return <a href={href} onClick={go} aria-label={t.diagnoseWhom(nameOf(account))}>{children}</a>;
}
