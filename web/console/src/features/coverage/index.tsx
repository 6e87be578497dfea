import { Button, Select } from "antd";
import { CalendarOutlined, LeftOutlined, RightOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { useKeys } from "../../app/keys";
import { useLanguage, useWords } from "../../app/words";
import { PageBody } from "../../ui/page";
import { Empty, ErrorState, Loading, Stale } from "../../ui/states";
import { Ahead, keyOf } from "./ahead";
import { midnight, week } from "./grid";
import { Heat } from "./heat";
import { MomentCard } from "./moment";
import { aheadQuery, daysAhead, weekQuery, type Cell, type Overview } from "./queries";
import { coverageText } from "./text";
import "./coverage.css";

const narrow = window.matchMedia("(max-width: 720px)");

function useNarrow(): boolean {
  return useSyncExternalStore((tell) => {
    narrow.addEventListener("change", tell);
    return () => narrow.removeEventListener("change", tell);
  }, () => narrow.matches);
}

const days = 7;
const lastWeek = Math.floor(daysAhead / days);

/** Coverage: who can receive when, for a week at a time, and what is missing in the next 90 days. */
export default function Coverage(): ReactNode {
  const t = useWords(coverageText);
  const language = useLanguage();
  const [weeks, setWeeks] = useState(0);
  const [key, setKey] = useState<string>();
  const [at, setAt] = useState<number>();
  const upright = useNarrow();
  const start = midnight(new Date(), weeks * days);
  const shown = useQuery({ ...weekQuery(start, midnight(new Date(), (weeks + 1) * days), language), placeholderData: keepPreviousData });
  const ahead = useQuery(aheadQuery(language));
  const turn = (by: number): void => setWeeks((w) => Math.max(0, Math.min(lastWeek, w + by)));
  useKeys(useMemo(() => [
    { key: "[", does: t.keyEarlier, group: t.keyGroup, run: () => turn(-1) },
    { key: "]", does: t.keyLater, group: t.keyGroup, run: () => turn(1) },
  ], [t]));

  if (shown.data === undefined) {
    return <PageBody title={t.title}>{shown.error ? <ErrorState error={shown.error} onRetry={() => void shown.refetch()} /> : <Loading rows={8} />}</PageBody>;
  }
  const cell = chosenCell(shown.data, ahead.data, key);
  if (cell === undefined) return <PageBody title={t.title}><Empty icon={<CalendarOutlined />} title={t.emptyTitle} text={t.emptyText} /></PageBody>;
  const name = (c: Cell): string => t.cellName(c.inbox_title ?? c.inbox, c.kind_title);
  const goTo = (instant: number): void => {
    setWeeks(Math.max(0, Math.min(lastWeek, Math.floor((instant - midnight(new Date(), 0).getTime()) / (days * 86_400_000)))));
    setAt(instant);
  };
  return (
    <PageBody title={t.title} extra={<span className="soft"><Stale at={shown.dataUpdatedAt} after={150_000} /></span>}>
      <p className="soft coverage-lead">{t.lead}</p>
      <Warnings of={shown.data} and={ahead.data} />
      <section className="card coverage-week" aria-busy={shown.isPlaceholderData}>
        <div className="coverage-choice">
          <Select aria-label={t.cell} value={keyOf(cell)} onChange={setKey} showSearch optionFilterProp="label" popupMatchSelectWidth={false} className="coverage-cell"
            labelRender={(x) => <bdi>{x.label}</bdi>} optionRender={(x) => <bdi>{x.label}</bdi>} options={shown.data.cells.map((c) => ({ value: keyOf(c), label: name(c) }))} />
          <div className="coverage-turn" role="group" aria-label={t.weekNav}>
            <Button icon={<LeftOutlined />} aria-label={t.earlier} disabled={weeks === 0} onClick={() => turn(-1)} />
            <span className="numbers" aria-live="polite">{t.week(dateOf(start, language), dateOf(midnight(new Date(), (weeks + 1) * days - 1), language))}</span>
            <Button icon={<RightOutlined />} aria-label={t.later} disabled={weeks === lastWeek} onClick={() => turn(1)} />
            <Button disabled={weeks === 0} onClick={() => setWeeks(0)}>{t.today}</Button>
          </div>
        </div>
        <Heat label={t.picture(name(cell))} start={start} hours={week(cell.spans, start, days)} chosen={at} onChoose={setAt} upright={upright} />
        {at === undefined && <p className="soft">{t.pick}</p>}
      </section>
      {at !== undefined && <MomentCard cell={cell} at={at} />}
      {ahead.data !== undefined && <Ahead ahead={ahead.data} cell={cell} onCell={setKey} onGap={goTo} />}
      {ahead.data === undefined && (ahead.error ? <ErrorState error={ahead.error} onRetry={() => void ahead.refetch()} /> : <Loading rows={4} />)}
    </PageBody>
  );
}

/** chosenCell is the one that was chosen; before anything was, the one that lacks most in the days ahead. */
function chosenCell(shown: Overview, ahead: Overview | undefined, key: string | undefined): Cell | undefined {
  const chosen = shown.cells.find((c) => keyOf(c) === key);
  if (chosen) return chosen;
  const worst = [...(ahead?.cells ?? [])].sort((a, b) => b.gap_minutes - a.gap_minutes)[0];
  return shown.cells.find((c) => worst !== undefined && worst.gap_minutes > 0 && keyOf(c) === keyOf(worst)) ?? shown.cells[0];
}

function dateOf(at: Date, language: string): string {
  return at.toLocaleDateString(language === "zh" ? "zh-CN" : "en-GB", { month: "short", day: "numeric" });
}

/** Warnings are about years that a calendar does not have; each is said once. */
function Warnings({ of, and }: { readonly of: Overview; readonly and: Overview | undefined }): ReactNode {
  const t = useWords(coverageText);
  const all = [...new Set([...of.warnings, ...(and?.warnings ?? [])].map((w) => w.text))];
  if (all.length === 0) return null;
  return (
    <section className="coverage-warnings" aria-label={t.warnings}>
      <h2>{t.warnings}</h2>
      <ul>{all.map((text) => <li key={text}><bdi>{text}</bdi></li>)}</ul>
    </section>
  );
}
