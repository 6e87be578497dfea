import { useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import type { Hour } from "./grid";
import { coverageText } from "./text";

interface Props {
  readonly label: string;
  readonly start: Date;
  readonly hours: readonly (readonly Hour[])[];
  /** The instant whose hour is chosen. */
  readonly chosen: number | undefined;
  readonly onChoose: (at: number) => void;
  /** Days beside each other, for narrow screens: there is room for seven, and not for twenty-four. */
  readonly upright: boolean;
}

/** Heat shows seven days of 24 hours. Each place says by a number, a shape and in words how many can receive; arrows move between them. */
export function Heat({ label, start, hours, chosen, onChoose, upright }: Props): ReactNode {
  const t = useWords(coverageText);
  const language = useLanguage();
  const box = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState({ day: 0, hour: 9 });
  const days = hours.map((_, i) => new Date(start.getFullYear(), start.getMonth(), start.getDate() + i));
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const dayName = (d: Date): string => `${d.toLocaleDateString(locale, { weekday: "short" })} ${d.getMonth() + 1}\u2011${String(d.getDate()).padStart(2, "0")}`;
  const move = (e: KeyboardEvent): void => {
    const [back, on, up, down] = upright ? [[-1, 0], [1, 0], [0, -1], [0, 1]] : [[0, -1], [0, 1], [-1, 0], [1, 0]];
    const step = { ArrowLeft: back, ArrowRight: on, ArrowUp: up, ArrowDown: down }[e.key];
    if (step === undefined) return;
    e.preventDefault();
    const next = { day: clamp(focus.day + (step[0] ?? 0), hours.length - 1), hour: clamp(focus.hour + (step[1] ?? 0), 23) };
    setFocus(next);
    box.current?.querySelector<HTMLElement>(`[data-place="${next.day}-${next.hour}"]`)?.focus();
  };
  const place = (day: number, hour: number): ReactNode => {
    const h = hours[day]?.[hour];
    if (h === undefined) return null;
    const words = h.state === "covered" ? t.least(h.least) : t.states[h.state];
    const selected = chosen !== undefined && chosen >= h.from && chosen < h.to;
    return (
      <td key={`${day}-${hour}`}>
        <button type="button" className="heat-hour" data-state={h.state} data-level={level(h.least)} data-place={`${day}-${hour}`} aria-pressed={selected} disabled={h.state === "none"}
          tabIndex={focus.day === day && focus.hour === hour ? 0 : -1} aria-label={t.hourLabel(clock(new Date(h.from), language), words)} title={words}
          onFocus={() => setFocus({ day, hour })} onClick={() => onChoose(h.at)}>
          <span aria-hidden="true">{sign(h)}</span>
        </button>
      </td>
    );
  };
  const hourName = (h: number): string => String(h).padStart(2, "0");
  return (
    <div className="heat" ref={box} role="group" aria-label={label} data-upright={upright ? "" : undefined}>
      <table onKeyDown={move} aria-label={label}>
        {upright ? (
          <>
            <thead><tr><th scope="col"><span className="visually-hidden">{t.hour}</span></th>{days.map((d) => <th scope="col" key={d.getTime()}>{dayName(d)}</th>)}</tr></thead>
            <tbody>{Array.from({ length: 24 }, (_, h) => <tr key={h}><th scope="row" className="numbers">{hourName(h)}</th>{hours.map((_, day) => place(day, h))}</tr>)}</tbody>
          </>
        ) : (
          <>
            <thead><tr><th scope="col"><span className="visually-hidden">{t.date}</span></th>{Array.from({ length: 24 }, (_, h) => <th scope="col" key={h} className="numbers">{hourName(h)}</th>)}</tr></thead>
            <tbody>{days.map((d, day) => <tr key={d.getTime()}><th scope="row" className="numbers">{dayName(d)}</th>{Array.from({ length: 24 }, (_, h) => place(day, h))}</tr>)}</tbody>
          </>
        )}
      </table>
      <Legend />
    </div>
  );
}

function clamp(n: number, last: number): number {
  return Math.max(0, Math.min(last, n));
}

/** sign is what a place shows: never colour alone. */
function sign(h: Hour): string {
  switch (h.state) {
    case "gap": return "✕";
    case "single": return "1";
    case "covered": return h.least > 99 ? "99+" : String(h.least);
    default: return "";
  }
}

/** level is how strong the colour is; beyond five, more make no difference to anybody. */
function level(least: number): number {
  return Math.min(4, Math.floor(least / 2) + 1);
}

function Legend(): ReactNode {
  const t = useWords(coverageText);
  return (
    <ul className="heat-legend" aria-label={t.legend}>
      {(["gap", "single", "covered", "closed"] as const).map((state) => (
        <li key={state}><span className="heat-hour" data-state={state} data-level="2" aria-hidden="true">{{ gap: "✕", single: "1", covered: "2", closed: "" }[state]}</span> {t.states[state]}</li>
      ))}
    </ul>
  );
}
