import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock, exact } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, type OutcomeName } from "../../ui/outcome";
import { ErrorState, Loading } from "../../ui/states";
import { repairQuery, type RepairRecord } from "./queries";
import { helpText } from "./text";

const outcomeOf: Readonly<Record<string, OutcomeName>> = { arrived: "pass", pushed: "wait", elsewhere: "unknown", no_traffic: "unknown", stopped: "block" };

/** Repaired says what became of a repair, and looks again until a message has arrived. */
export default function Repaired({ id, linked = true }: { readonly id: string; readonly linked?: boolean }): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  const repair = useQuery(repairQuery(id, language));
  return (
    <section className="card repaired" aria-label={t.repair} aria-live="polite">
      {repair.data ? <Verdict repair={repair.data} linked={linked} /> : repair.isPending ? <Loading rows={2} /> : <ErrorState error={repair.error} onRetry={() => void repair.refetch()} />}
    </section>
  );
}

function Verdict({ repair, linked }: { readonly repair: RepairRecord; readonly linked: boolean }): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  const { check } = repair;
  if (!check) return null;
  return (
    <>
      <h2>{t.repair}</h2>
      <p className="repaired-state"><Outcome outcome={outcomeOf[check.state] ?? "unknown"} expected={check.cause?.expected === true}><Said check={check} /></Outcome></p>
      <p className="soft numbers">
        <span title={exact(repair.at)}><bdi>{t.repairOf(repair.cause, repair.by.title, clock(repair.at, language, new Date(), true))}</bdi></span>
        {check.standing && <> · {t.standing(check.standing.passing, check.standing.of)}</>}
        {check.state !== "arrived" && <> · {check.over ? t.over : t.watching(clock(check.until, language))}</>}
      </p>
      {linked && check.state === "stopped" && <p><Link to={`/diagnosis?agent=${encodeURIComponent(repair.agent.account ?? "")}`}>{t.followUp}</Link></p>}
    </>
  );
}

function Said({ check }: { readonly check: NonNullable<RepairRecord["check"]> }): ReactNode {
  const t = useWords(helpText);
  const language = useLanguage();
  const counted = (n: number): string => (check.more ? t.atLeast(n) : String(n));
  switch (check.state) {
    case "arrived": return t.check.arrived(counted(check.received), check.first_received === undefined ? "" : clock(check.first_received, language, new Date(), true));
    case "pushed": return t.check.pushed(counted(check.listed));
    case "elsewhere": return t.check.elsewhere(counted(check.offered));
    case "no_traffic": return t.check.no_traffic;
    default: return check.cause === undefined ? t.check.stopped : check.cause.same ? t.check.stoppedSame(check.cause.cause) : t.check.stoppedOther(check.cause.cause);
  }
}
