import { Button } from "antd";
import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import type { Cell, Overview } from "./queries";
import { coverageText } from "./text";

// More than this nobody reads; the choice above the picture has all of them.
const shownCells = 50;
const shownGaps = 12;

export const keyOf = (cell: { readonly inbox: string; readonly kind: string }): string => `${cell.inbox} ${cell.kind}`;

interface Props {
  readonly ahead: Overview;
  readonly cell: Cell;
  readonly onCell: (key: string) => void;
  readonly onGap: (at: number) => void;
}

/** Ahead lists where in the next 90 days there is nobody or only one, worst first, and the gaps of the cell that is shown. */
export function Ahead({ ahead, cell, onCell, onGap }: Props): ReactNode {
  const t = useWords(coverageText);
  const language = useLanguage();
  const odd = ahead.cells.filter((c) => c.gaps + c.singles > 0).sort((a, b) => b.gap_minutes - a.gap_minutes || b.single_minutes - a.single_minutes);
  const gaps = ahead.cells.find((c) => keyOf(c) === keyOf(cell))?.spans.filter((s) => s.state === "gap") ?? [];
  const hours = (minutes: number): string => (minutes < 120 ? t.minutes(minutes) : t.hours(Math.round(minutes / 60)));
  const name = t.cellName(cell.inbox_title ?? cell.inbox, cell.kind_title);
  return (
    <section className="card coverage-ahead">
      <h2>{t.ahead}</h2>
      {odd.length === 0 && <p className="soft">{t.aheadNone}</p>}
      {odd.length > 0 && (
        <div className="coverage-scroll" tabIndex={0} role="group" aria-label={t.ahead}>
          <table>
            <thead><tr>{[t.columns.inbox, t.columns.kind, t.columns.gaps, t.columns.singles].map((c) => <th scope="col" key={c}>{c}</th>)}</tr></thead>
            <tbody>
              {odd.slice(0, shownCells).map((c) => (
                <tr key={keyOf(c)} data-chosen={keyOf(c) === keyOf(cell) ? "" : undefined}>
                  <th scope="row"><Button type="link" onClick={() => onCell(keyOf(c))} aria-label={t.show(t.cellName(c.inbox_title ?? c.inbox, c.kind_title))}><bdi>{c.inbox_title ?? c.inbox}</bdi></Button></th>
                  <td>{c.kind_title}</td>
                  <td className="numbers" data-state={c.gaps > 0 ? "gap" : undefined}>{t.times(c.gaps, hours(c.gap_minutes))}</td>
                  <td className="numbers">{t.times(c.singles, hours(c.single_minutes))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {odd.length > shownCells && <p className="soft">{t.moreCells(odd.length - shownCells)}</p>}
      {odd.length > 0 && (
        <>
          <h3><bdi>{t.gapsOf(name)}</bdi></h3>
          {gaps.length === 0 && <p className="soft">{t.gapsNone}</p>}
          <ul className="coverage-gaps">
            {gaps.slice(0, shownGaps).map((s) => {
              const [from, to] = [clock(s.from, language), clock(s.to, language)];
              return <li key={s.from}><Button onClick={() => onGap(Date.parse(s.from))} aria-label={t.goTo(from, to)} className="numbers">{t.gap(from, to)}</Button></li>;
            })}
          </ul>
          {gaps.length > shownGaps && <p className="soft">{t.more(gaps.length - shownGaps)}</p>}
        </>
      )}
    </section>
  );
}
