import { Button } from "antd";
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useWords } from "../../app/words";
import { datesOf, datesText, linesOf, pointerOf, PublicCalendar, unannounced, yearOf, type DayType, type Line } from "./calendar";
import type { Editable, FormProps } from "./editor";
import { TextField, Wrong } from "./fields";
import { put } from "./merge";
import { documentQuery, type Policy } from "./queries";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";

export const calendars: Editable = { kind: "calendar", Form: CalendarForm, fresh: {} };

type Years = Readonly<Record<string, unknown>>;

export function yearsOf(spec: Readonly<Record<string, unknown>> | undefined): Years {
  const years = spec?.["years"];
  return typeof years === "object" && years !== null ? (years as Years) : {};
}

/** useBuiltin are the years that the program knows of its own calendar, where no document of that name replaces the answer. */
export function useBuiltin(policy: Policy, wanted: boolean): Years {
  const own = policy.documents.some((d) => d.kind === "calendar" && d.name === PublicCalendar);
  const { data } = useQuery({ ...documentQuery("calendar", PublicCalendar), enabled: wanted && !own, staleTime: Infinity });
  return data?.revision === 0 ? yearsOf(data.spec) : {};
}

function CalendarForm({ policy, name, spec, change, faults, readOnly }: FormProps): ReactNode {
  const t = useWords(receptionText);
  const c = useWords(sectionText).calendar;
  const builtin = useBuiltin(policy, name === PublicCalendar);
  const own = yearsOf(spec);
  const known = [...new Set([...Object.keys(builtin), ...Object.keys(own)])].sort();
  const [picked, pick] = useState<string>();
  const thisYear = String(new Date().getFullYear());
  const shown = picked !== undefined && known.includes(picked) ? picked : known.includes(thisYear) ? thisYear : known.at(-1);
  const missing = unannounced(known, new Date());
  const setYear = (year: string, value: unknown): void => {
    const years = Object.fromEntries(Object.entries(own).filter(([y]) => y !== year));
    change(put(spec, "/years", value === undefined ? years : { ...years, [year]: value }));
  };
  return (
    <>
      {missing.length > 0 && <p className="rc-notice" role="status">{c.missing(t.list(missing))}</p>}
      <section className="card rc-form">
        <TextField label={t.titleField} value={spec["title"]} onChange={(v) => change(put(spec, "/title", v))} wrong={faults.at("/title")} disabled={readOnly} placeholder={name === PublicCalendar ? c.public : ""} />
      </section>
      <section className="card rc-lines-form" aria-labelledby="rc-years">
        <h2 id="rc-years">{c.years}</h2>
        <div className="rc-tabs" role="group" aria-labelledby="rc-years">
          {known.map((y) => <Button key={y} size="small" type={y === shown ? "primary" : "default"} aria-pressed={y === shown} onClick={() => pick(y)}>{y}</Button>)}
          {!readOnly && <AddYear known={known} onAdd={(y) => {
            setYear(y, {});
            pick(y);
          }} />}
        </div>
        <Wrong of={faults.at("/years", false)} />
        {shown !== undefined && (shown in own
          ? <YearForm key={shown} year={shown} value={own[shown]} onChange={(v) => setYear(shown, v)} faultsOf={(at) => faults.at(`/years/${shown}${at}`)} readOnly={readOnly} replaces={shown in builtin} />
          : <><YearLines list={linesOf(builtin[shown])} />{!readOnly && <Button size="small" onClick={() => setYear(shown, builtin[shown])}>{c.takeOver(shown)}</Button>}</>)}
      </section>
    </>
  );
}

function AddYear({ known, onAdd }: { readonly known: readonly string[]; readonly onAdd: (year: string) => void }): ReactNode {
  const c = useWords(sectionText).calendar;
  const [year, setYear] = useState("");
  const [tried, setTried] = useState(false);
  const good = /^[2-9]\d{3}$/.test(year) && !known.includes(year);
  return (
    <form className="rc-window" onSubmit={(e) => {
      e.preventDefault();
      setTried(!good);
      if (!good) return;
      onAdd(year);
      setYear("");
    }}>
      <input className="rc-input rc-clock numbers" aria-label={c.year} aria-invalid={tried && !good} placeholder={String(new Date().getFullYear() + 1)} inputMode="numeric" maxLength={4} value={year} onChange={(e) => setYear(e.target.value)} />
      <Button size="small" icon={<PlusOutlined />} htmlType="submit">{c.addYear}</Button>
      {tried && !good && <span className="rc-wrong">{c.yearBad}</span>}
    </form>
  );
}

/** YearLines shows a year that comes with the program. */
function YearLines({ list }: { readonly list: readonly Line[] }): ReactNode {
  const c = useWords(sectionText).calendar;
  return (
    <ul className="rc-year">
      {list.map((l, i) => <li key={i}><Type of={l.type} /> <bdi>{l.name}</bdi> <span className="soft numbers">{datesText(l.days)}</span></li>)}
      <li className="soft">{c.builtin}</li>
    </ul>
  );
}

function Type({ of }: { readonly of: DayType }): ReactNode {
  const c = useWords(sectionText).calendar;
  return <span className="rc-type" data-type={of} title={c.typeNames[of]}>{c.types[of]}</span>;
}

interface YearProps {
  readonly year: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly faultsOf: (at: string) => readonly string[];
  readonly readOnly: boolean;
  readonly replaces: boolean;
}

function YearForm({ year, value, onChange, faultsOf, readOnly, replaces }: YearProps): ReactNode {
  const c = useWords(sectionText).calendar;
  const list = linesOf(value);
  const set = (next: readonly Line[]): void => onChange(yearOf(next, value));
  const source = typeof value === "object" && value !== null ? (value as Years)["source"] : undefined;
  const total = (type: DayType): number => list.filter((l) => l.type === type).flatMap((l) => l.days).length;
  return (
    <>
      <p className="soft numbers">{c.count(total("off"), total("work"))}{replaces && ` · ${c.ownYear}`}</p>
      <TextField label={c.source} value={source} onChange={(v) => onChange(put(typeof value === "object" && value !== null ? (value as Years) : {}, "/source", v))} wrong={faultsOf("/source")} disabled={readOnly} wide />
      {list.map((l, i) => (
        <div key={i} className="rc-line" data-wrong={faultsOf(pointerOf(list, i)).length > 0 ? "" : undefined}>
          <Type of={l.type} />
          <input className="rc-input" dir="auto" aria-label={c.name} placeholder={c.name} maxLength={200} value={l.name} disabled={readOnly} onChange={(e) => set(list.with(i, { ...l, name: e.target.value }))} />
          <Dates value={l.days} readOnly={readOnly} onChange={(days) => set(list.with(i, { ...l, days }))} />
          {!readOnly && <Button type="text" size="small" icon={<CloseOutlined />} aria-label={c.dropLine} onClick={() => set(list.toSpliced(i, 1))} />}
          <Wrong of={faultsOf(pointerOf(list, i))} />
        </div>
      ))}
      {!readOnly && (
        <div className="rc-tabs">
          {(["off", "work"] as const).map((type) => <Button key={type} size="small" icon={<PlusOutlined />} onClick={() => set([...list, { type, name: "", days: [] }])}>{c.addLine[type]}</Button>)}
          <Button size="small" danger type="text" onClick={() => onChange(undefined)}>{c.dropYear(year)}</Button>
        </div>
      )}
    </>
  );
}

/** Dates are typed; they are read when the field is left. */
function Dates({ value, readOnly, onChange }: { readonly value: readonly string[]; readonly readOnly: boolean; readonly onChange: (days: readonly string[]) => void }): ReactNode {
  const c = useWords(sectionText).calendar;
  const [typed, type] = useState<string>();
  return (
    <input className="rc-input rc-dates numbers" aria-label={c.dates} title={c.datesHint} placeholder={c.datesHint} value={typed ?? datesText(value)} disabled={readOnly} onChange={(e) => type(e.target.value)}
      onBlur={() => {
        if (typed !== undefined) onChange(datesOf(typed));
        type(undefined);
      }} />
  );
}
