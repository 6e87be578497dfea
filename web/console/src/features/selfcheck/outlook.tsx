import type { ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, isOutcome, type OutcomeName } from "../../ui/outcome";
import type { Answer, Outlook } from "./queries";
import { selfcheckText } from "./text";

const outcomeOf: Readonly<Record<Outlook["verdict"], OutcomeName>> = { receiving: "pass", partial: "block", blocked: "block", waiting: "wait", no_traffic: "pass", unknown: "unknown" };

/** Verdict is the answer in one sentence: what the engine says, unless the window itself cannot be reached. */
export function Verdict({ outlook, failed }: { readonly outlook: Outlook; readonly failed: boolean }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  const fine = outcomeOf[outlook.verdict] === "pass";
  const expected = !fine && outlook.cells.every((c) => c.now.outcome === "pass" || c.now.expected);
  return (
    <section className="sc-verdict" role="status">
      <p><Outcome outcome={failed ? "block" : outcomeOf[outlook.verdict]} expected={!failed && expected}>{failed && fine ? t.windowCannot : t.verdict[outlook.verdict]}</Outcome></p>
      <p dir="auto">{pick(outlook.headline, language)}</p>
    </section>
  );
}

/** Cells is the grid: each inbox and kind, now and from when on it is otherwise. */
export function Cells({ outlook, own = false }: { readonly outlook: Outlook; readonly own?: boolean }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  return (
    <section aria-labelledby="sc-cells">
      <h2 id="sc-cells">{t.cells}</h2>
      {outlook.cells.length === 0 ? (own && <p className="soft">{t.noCells}</p>) : (
        <table className="sc-cells">
          <thead><tr><th scope="col">{t.cell}</th><th scope="col">{t.now}</th><th scope="col">{t.next}</th></tr></thead>
          <tbody>
            {outlook.cells.map((c) => (
              <tr key={`${c.inbox} ${c.kind}`}>
                <th scope="row"><bdi>{c.inbox_title ?? c.inbox}</bdi> · {kindTitle(c.kind, language)}</th>
                <td data-title={t.now}><Said answer={c.now} /></td>
                <td data-title={t.next}>{c.next === undefined ? <span className="soft">{t.noNext}</span> : <><span className="soft numbers">{t.from(clock(c.next.at, language))}</span> <Said answer={c.next} /></>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Said({ answer }: { readonly answer: Answer }): ReactNode {
  const t = useWords(selfcheckText);
  const language = useLanguage();
  return (
    <Outcome outcome={isOutcome(answer.outcome) ? answer.outcome : "unknown"} expected={answer.expected}>
      {answer.reason === undefined ? undefined : <>{pick(answer.reason, language)}{answer.until !== undefined && <span className="numbers"> · {t.until(clock(answer.until, language))}</span>}</>}
    </Outcome>
  );
}
