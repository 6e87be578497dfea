import type { ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { advises, gateTitle, reasonTitle, useReasons } from "../../ui/gates";
import { isOutcome, Outcome } from "../../ui/outcome";
import type { Check, Report } from "./queries";
import { diagnosisText } from "./text";

/** CheckList shows every gate, hit or miss, in the five parts that people know. */
export function CheckList({ report }: { readonly report: Report }): ReactNode {
  const t = useWords(diagnosisText);
  const parts = t.parts;
  const numbers = t.partNumbers;
  const reasonOf = useReasons();
  // What is only noticed or not keeps nothing from arriving, and is said as a remark.
  const warns = (c: Check): boolean => c.code !== "" && (advises(c.gate) || c.gate === "view" || (c.outcome === "pass" && reasonOf(c.code)?.severity === "warning"));
  return (
    <section className="card checks" aria-label={t.title}>
      {parts.map((title, i) => (
        <div className="checks-part" key={title}>
          <h3><span aria-hidden="true">{numbers[i]}</span> {title}</h3>
          <ul>{shown(report.checks.filter((c) => c.part === i + 1), warns).map((c) => <CheckItem key={`${c.gate} ${c.code} ${c.outcome} ${c.scope.map((s) => s.inbox + s.kind).join()}`} check={c} report={report} warns={warns(c)} />)}</ul>
        </div>
      ))}
    </section>
  );
}

/** shown leaves out what says the same again: a gate that passes, or does not apply, is said once, whichever code it passed with. Warnings stay. */
function shown(checks: readonly Check[], warns: (c: Check) => boolean): readonly Check[] {
  const quiet = (c: Check): boolean => (c.outcome === "pass" && !warns(c)) || c.outcome === "not_applicable";
  return checks.filter((c, i) => !quiet(c) || checks.findIndex((o) => o.gate === c.gate && o.outcome === c.outcome) === i);
}

/** arrive brings the check that a link leads to into sight. */
function arrive(item: HTMLLIElement | null): void {
  item?.scrollIntoView({ block: "center" });
  item?.setAttribute("data-arrived", "");
}

function CheckItem({ check, report, warns }: { readonly check: Check; readonly report: Report; readonly warns: boolean }): ReactNode {
  const t = useWords(diagnosisText);
  const language = useLanguage();
  const reasonOf = useReasons();
  const finding = report.findings.find((f) => f.gate === check.gate && f.code === check.code);
  const outcome = isOutcome(check.outcome) ? check.outcome : "unknown";
  const stops = outcome !== "pass" && outcome !== "not_applicable" && !advises(check.gate);
  // Which cells it concerns is said where it is not all of them.
  const all = new Set(report.checks.flatMap((c) => c.scope.map((s) => `${s.inbox} ${s.kind}`))).size;
  const some = check.scope.length > 0 && check.scope.length < all;
  return (
    <li className={stops && finding?.expected !== true ? "check stops" : "check"} id={`check-${check.gate}`} ref={location.hash === `#check-${check.gate}` ? arrive : undefined}>
      <Outcome outcome={outcome} expected={finding?.expected === true}>
        <span className="check-gate">{gateTitle(check.gate, language)}</span>
        {(stops || warns) && check.code !== "" && <span> {reasonTitle(reasonOf(check.code), check.code, language)}</span>}
        {outcome === "not_applicable" && <span className="visually-hidden"> {t.notApplicable}</span>}
        {check.agents !== undefined && (stops || warns) && <span className="numbers"> {t.people(check.agents)}</span>}
        {check.until !== null && <span className="numbers"> {t.until(clock(check.until, language))}</span>}
        {some && (stops || warns) && <span className="soft"> ({check.scope.map((s) => t.cell(report.titles[`inbox/${s.inbox}`] ?? s.inbox, kindTitle(s.kind, language))).join(language === "zh" ? "、" : ", ")})</span>}
        {finding?.primary === true && <strong className="check-primary"> ← {t.primary}</strong>}
      </Outcome>
    </li>
  );
}
