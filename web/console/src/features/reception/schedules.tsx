import { Button, Dropdown } from "antd";
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useWords } from "../../app/words";
import type { Editable, FormProps } from "./editor";
import { Check, OneField, TextField, Wrong } from "./fields";
import { put } from "./merge";
import { choicesOf } from "./names";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";
import { days, hoursOf, overMidnight, minutesOf, piecesOf, placesOf, sameWeek, tidy, weeklyOf, weekOf, type Day, type Week, type Window } from "./weekly";

export const schedules: Editable = { kind: "schedule", Form: ScheduleForm, fresh: { zone: Intl.DateTimeFormat().resolvedOptions().timeZone } };

function ScheduleForm({ policy, spec, change, faults, readOnly }: FormProps): ReactNode {
  const t = useWords(receptionText);
  const all = useWords(sectionText);
  const s = all.schedule;
  const zones = useMemo(() => Intl.supportedValuesOf("timeZone").map((z) => ({ value: z, label: z })), []);
  const set = (path: string, value: unknown): void => change(put(spec, path, value));
  return (
    <>
      <section className="card rc-form">
        <TextField label={t.titleField} value={spec["title"]} onChange={(v) => set("/title", v)} wrong={faults.at("/title")} disabled={readOnly} />
        <OneField label={s.zone} value={spec["zone"]} options={zones} onChange={(v) => set("/zone", v)} wrong={faults.at("/zone")} disabled={readOnly} none={false} />
        <OneField label={s.calendar} value={spec["calendar"]} options={choicesOf(policy, "calendar")} placeholder={s.calendarNone} hint={s.calendarHint} wrong={faults.at("/calendar")} disabled={readOnly}
          onChange={(v) => change(put(put(spec, "/calendar", v), "/make_up", v === undefined ? undefined : spec["make_up"]))} />
        {spec["calendar"] !== undefined && (
          <OneField label={s.makeUp} value={spec["make_up"] ?? "mon"} options={days.map((d) => ({ value: d, label: all.days[d] }))} onChange={(v) => set("/make_up", v === "mon" ? undefined : v)}
            wrong={faults.at("/make_up")} disabled={readOnly} none={false} />
        )}
      </section>
      <WeekEditor weekly={spec["weekly"]} onChange={(weekly) => set("/weekly", weekly)} faultsOf={(i) => faults.at(`/weekly/${i}`)} readOnly={readOnly} />
      <Exceptions value={spec["exceptions"]} onChange={(list) => set("/exceptions", list)} faultsOf={(i) => faults.at(`/exceptions/${i}`)} readOnly={readOnly} />
    </>
  );
}

interface WeekProps {
  readonly weekly: unknown;
  readonly onChange: (weekly: unknown) => void;
  readonly faultsOf: (line: number) => readonly string[];
  readonly readOnly: boolean;
}

/** WeekEditor shows the week as a grid of days and hours, and beside each day its openings as they are typed. */
function WeekEditor({ weekly, onChange, faultsOf, readOnly }: WeekProps): ReactNode {
  const all = useWords(sectionText);
  const t = all.schedule;
  // While somebody types, openings keep the place that they have; what comes from elsewhere (a restored version) replaces them.
  const [week, setWeek] = useState<Week>(() => weekOf(weekly));
  useEffect(() => setWeek((now) => (sameWeek(now, weekOf(weekly)) ? now : weekOf(weekly))), [weekly]);
  const places = placesOf(week);
  const update = (next: Week): void => {
    setWeek(next);
    onChange(sameWeek(next, weekOf(weekly)) ? weekly : weeklyOf(next));
  };
  const setDay = (day: Day, list: readonly Window[]): void => update({ ...week, [day]: list });
  const copy = (from: Day, to: readonly Day[]): void => update({ ...week, ...Object.fromEntries(to.map((d) => [d, week[from]])) });
  return (
    <section className="card rc-week" aria-labelledby="rc-week">
      <h2 id="rc-week">{t.week} <span className="soft rc-small numbers">{hoursOf(week) === 0 ? t.never : t.hours(Math.round(hoursOf(week) * 10) / 10)}</span></h2>
      <p className="soft">{t.weekHint}</p>
      <div className="rc-hours numbers" aria-hidden="true">{[0, 6, 12, 18, 24].map((h) => <span key={h}>{h}</span>)}</div>
      {days.map((day) => {
        const told = [...new Set(places[day].flatMap((i) => faultsOf(i)))];
        return (
          <div key={day} className="rc-day" data-wrong={told.length > 0 ? "" : undefined}>
            <strong>{all.days[day]}</strong>
            <Bar week={week} day={day} />
            <div className="rc-windows">
              {week[day].length === 0 && <span className="soft">{t.closed}</span>}
              {week[day].map((w, n) => (
                <span key={n} className="rc-window">
                  <TimeOfDay label={t.from(all.days[day], n + 1)} value={w.from} readOnly={readOnly} onChange={(from) => setDay(day, week[day].with(n, { ...w, from }))} />
                  <span aria-hidden="true">–</span>
                  <TimeOfDay label={t.to(all.days[day], n + 1)} value={w.to} readOnly={readOnly} onChange={(to) => setDay(day, week[day].with(n, { ...w, to }))} />
                  {overMidnight(w) && <span className="soft rc-small">{t.nextDay}</span>}
                  {!readOnly && <Button type="text" size="small" icon={<CloseOutlined />} aria-label={t.drop(all.days[day], n + 1)} onClick={() => setDay(day, week[day].toSpliced(n, 1))} />}
                </span>
              ))}
              {!readOnly && (
                <span className="rc-window-do">
                  <Button size="small" icon={<PlusOutlined />} aria-label={t.addTo(all.days[day])} onClick={() => setDay(day, [...week[day], { from: "09:00", to: "18:00" }])}>{t.addWindow}</Button>
                  <Dropdown trigger={["click"]} menu={{ items: [
                    { key: "workdays", label: t.copyChoices.workdays, onClick: () => copy(day, days.slice(0, 5)) },
                    { key: "weekend", label: t.copyChoices.weekend, onClick: () => copy(day, days.slice(5)) },
                    { key: "all", label: t.copyChoices.all, onClick: () => copy(day, days) },
                  ] }}>
                    <Button size="small" type="text" aria-label={t.copyOf(all.days[day])}>{t.copy}</Button>
                  </Dropdown>
                </span>
              )}
              {told.length > 0 && <div className="rc-says"><Wrong of={told} /></div>}
            </div>
          </div>
        );
      })}
    </section>
  );
}

const clockOf = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

/** Bar is a day from midnight to midnight; what runs over from the day before is hatched. */
function Bar({ week, day }: { readonly week: Week; readonly day: Day }): ReactNode {
  const all = useWords(sectionText);
  const t = all.schedule;
  const pieces = piecesOf(week, day);
  const says = pieces.length === 0 ? t.closed : pieces.map((p) => `${clockOf(p.from)}–${clockOf(p.to)}`).join(" ");
  const share = (minutes: number): string => `${(minutes / 1440) * 100}%`;
  return (
    <div className="rc-bar" role="img" aria-label={t.picture(all.days[day], says)}>
      {pieces.map((p) => <i key={`${p.from} ${p.to} ${p.rest}`} data-rest={p.rest ? "" : undefined} style={{ insetInlineStart: share(p.from), inlineSize: share(p.to - p.from) }} />)}
    </div>
  );
}

/** TimeOfDay is typed; leaving the field makes "9" and "930" times. */
function TimeOfDay({ label, value, readOnly, onChange }: { readonly label: string; readonly value: string; readonly readOnly: boolean; readonly onChange: (value: string) => void }): ReactNode {
  return (
    <input className="rc-input rc-clock numbers" aria-label={label} aria-invalid={Number.isNaN(minutesOf(value))} value={value} disabled={readOnly} maxLength={6} inputMode="numeric" placeholder="09:00"
      onChange={(e) => onChange(e.target.value)} onBlur={() => tidy(value) !== value && onChange(tidy(value))} />
  );
}

interface Exception {
  readonly date?: string;
  readonly from?: string;
  readonly to?: string;
  readonly off?: boolean;
}

function Exceptions({ value, onChange, faultsOf, readOnly }: { readonly value: unknown; readonly onChange: (list: readonly Exception[]) => void; readonly faultsOf: (i: number) => readonly string[]; readonly readOnly: boolean }): ReactNode {
  const t = useWords(sectionText).schedule;
  const list = Array.isArray(value) ? (value as readonly Exception[]) : [];
  const set = (i: number, e: Exception): void => onChange(list.with(i, e));
  return (
    <section className="card rc-lines-form" aria-labelledby="rc-exceptions">
      <h2 id="rc-exceptions">{t.exceptions}</h2>
      <p className="soft">{list.length === 0 ? t.noExceptions : t.exceptionsHint}</p>
      {list.map((e, i) => (
        <div key={i} className="rc-line" data-wrong={faultsOf(i).length > 0 ? "" : undefined}>
          <input type="date" className="rc-input numbers" aria-label={t.date} value={e.date ?? ""} disabled={readOnly} onChange={(x) => set(i, { ...e, date: x.target.value })} />
          <Check label={t.off} value={e.off === true} disabled={readOnly} onChange={(off) => set(i, off ? { date: e.date ?? "", off } : { date: e.date ?? "", from: "09:00", to: "18:00" })} />
          {e.off !== true && (
            <span className="rc-window">
              <TimeOfDay label={t.opens} value={e.from ?? ""} readOnly={readOnly} onChange={(from) => set(i, { ...e, from })} />
              <span aria-hidden="true">–</span>
              <TimeOfDay label={t.closes} value={e.to ?? ""} readOnly={readOnly} onChange={(to) => set(i, { ...e, to })} />
            </span>
          )}
          {!readOnly && <Button type="text" size="small" icon={<CloseOutlined />} aria-label={t.dropException(e.date ?? "")} onClick={() => onChange(list.toSpliced(i, 1))} />}
          <Wrong of={faultsOf(i)} />
        </div>
      ))}
      {!readOnly && <Button size="small" icon={<PlusOutlined />} onClick={() => onChange([...list, { date: "", off: true }])}>{t.addException}</Button>}
    </section>
  );
}
