import { Button, Select } from "antd";
import { useId, useState, type ReactNode } from "react";
import { useWords } from "../../app/words";
import type { Choice } from "./names";
import { receptionText } from "./text";

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  /** What is wrong with it. */
  readonly wrong?: readonly string[];
  readonly wide?: boolean;
  readonly children: (ids: { readonly id: string; readonly "aria-invalid": boolean; readonly "aria-describedby": string | undefined }) => ReactNode;
}

/** Field is a label, a control, and what the server says about it. */
export function Field({ label, hint, wrong = [], wide = false, children }: FieldProps): ReactNode {
  const id = useId();
  const told = wrong.length > 0 || hint !== undefined;
  return (
    <div className="rc-field" data-wide={wide ? "" : undefined} data-wrong={wrong.length > 0 ? "" : undefined}>
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-invalid": wrong.length > 0, "aria-describedby": told ? `${id}-says` : undefined })}
      {told && <div id={`${id}-says`} className="rc-says">{hint !== undefined && <p className="soft">{hint}</p>}<Wrong of={wrong} /></div>}
    </div>
  );
}

/** Wrong lists what the server refuses at a place. */
export function Wrong({ of }: { readonly of: readonly string[] }): ReactNode {
  return of.map((text) => <p key={text} className="rc-wrong" dir="auto">{text}</p>);
}

interface TextProps {
  readonly label: string;
  readonly value: unknown;
  readonly onChange: (value: string) => void;
  readonly wrong?: readonly string[];
  readonly hint?: ReactNode;
  readonly disabled?: boolean;
  readonly max?: number;
  readonly wide?: boolean;
  readonly placeholder?: string;
}

export function TextField({ label, value, onChange, wrong, hint, disabled = false, max = 200, wide = false, placeholder }: TextProps): ReactNode {
  return (
    <Field label={label} wide={wide} {...(wrong ? { wrong } : {})} {...(hint === undefined ? {} : { hint })}>
      {(ids) => <input {...ids} className="rc-input" dir="auto" value={typeof value === "string" ? value : ""} disabled={disabled} maxLength={max} placeholder={placeholder} onChange={(e) => onChange(e.target.value)} />}
    </Field>
  );
}

/** NumberField is a whole number, or nothing. */
export function NumberField({ label, value, onChange, wrong, hint, disabled = false }: Omit<TextProps, "onChange"> & { readonly onChange: (value: number | undefined) => void }): ReactNode {
  return (
    <Field label={label} {...(wrong ? { wrong } : {})} {...(hint === undefined ? {} : { hint })}>
      {(ids) => (
        <input {...ids} className="rc-input numbers" inputMode="numeric" value={typeof value === "number" ? String(value) : ""} disabled={disabled} maxLength={6}
          onChange={(e) => onChange(/^\d+$/.test(e.target.value) ? Number(e.target.value) : undefined)} />
      )}
    </Field>
  );
}

/** LinesField is a list of texts, one a line. What is typed stays as it is typed until the field is left. */
export function LinesField({ label, value, onChange, wrong, hint, disabled = false, rows = 3 }: Omit<TextProps, "onChange" | "max"> & { readonly onChange: (value: readonly string[]) => void; readonly rows?: number }): ReactNode {
  const t = useWords(receptionText);
  const lines = Array.isArray(value) ? value.filter((x) => typeof x === "string") : [];
  const [typed, type] = useState<string>();
  return (
    <Field label={label} wide {...(wrong ? { wrong } : {})} hint={hint ?? t.everyLine}>
      {(ids) => (
        <textarea {...ids} className="rc-input" dir="auto" rows={rows} value={typed ?? lines.join("\n")} disabled={disabled} spellCheck={false} onBlur={() => type(undefined)}
          onChange={(e) => {
            type(e.target.value);
            onChange(e.target.value.split("\n").map((l) => l.trim()).filter((l) => l !== ""));
          }} />
      )}
    </Field>
  );
}

interface SelectProps {
  readonly label: string;
  readonly options: readonly Choice[];
  readonly wrong?: readonly string[];
  readonly hint?: ReactNode;
  readonly disabled?: boolean;
  readonly placeholder?: string;
}

const bidi = { optionRender: (x: { readonly label?: ReactNode }) => <bdi>{x.label}</bdi>, labelRender: (x: { readonly label?: ReactNode }) => <bdi>{x.label}</bdi> };

/** OneField names one document, or none. */
export function OneField({ label, value, options, onChange, wrong, hint, disabled = false, placeholder, none = true }: SelectProps & { readonly value: unknown; readonly onChange: (value: string | undefined) => void; readonly none?: boolean }): ReactNode {
  return (
    <Field label={label} {...(wrong ? { wrong } : {})} {...(hint === undefined ? {} : { hint })}>
      {({ id }) => (
        <Select id={id} aria-label={label} value={typeof value === "string" && value !== "" ? value : null} options={[...options]} onChange={(v: string | null) => onChange(v ?? undefined)} allowClear={none} disabled={disabled}
          showSearch optionFilterProp="label" placeholder={placeholder} status={(wrong?.length ?? 0) > 0 ? "error" : ""} {...bidi} />
      )}
    </Field>
  );
}

/** ManyField names several documents. */
export function ManyField({ label, value, options, onChange, wrong, hint, disabled = false, placeholder }: SelectProps & { readonly value: unknown; readonly onChange: (value: readonly string[]) => void }): ReactNode {
  const chosen = Array.isArray(value) ? value.filter((x) => typeof x === "string") : [];
  return (
    <Field label={label} {...(wrong ? { wrong } : {})} {...(hint === undefined ? {} : { hint })}>
      {({ id }) => (
        <Select id={id} aria-label={label} mode="multiple" value={chosen} options={[...options]} onChange={(v: string[]) => onChange(v)} disabled={disabled} optionFilterProp="label" placeholder={placeholder}
          status={(wrong?.length ?? 0) > 0 ? "error" : ""} optionRender={bidi.optionRender} />
      )}
    </Field>
  );
}

const two = (n: number): string => String(n).padStart(2, "0");

/** localOf writes an instant as a field for date and time has it, in the browser's zone. */
export function localOf(at: unknown): string {
  const t = typeof at === "string" ? new Date(at) : new Date(NaN);
  if (Number.isNaN(t.getTime())) return "";
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}T${two(t.getHours())}:${two(t.getMinutes())}`;
}

/** instantOf writes what such a field has as documents write times. */
export function instantOf(local: string): string | undefined {
  const t = new Date(local);
  if (local === "" || Number.isNaN(t.getTime())) return undefined;
  const offset = -t.getTimezoneOffset();
  return `${localOf(t.toISOString())}:00${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}

/** TimeField is an instant, in the browser's zone, or none. */
export function TimeField({ label, value, onChange, wrong, hint, disabled = false, clearable = true }: Omit<TextProps, "onChange"> & { readonly onChange: (value: string | undefined) => void; readonly clearable?: boolean }): ReactNode {
  const t = useWords(receptionText);
  return (
    <Field label={label} {...(wrong ? { wrong } : {})} {...(hint === undefined ? {} : { hint })}>
      {(ids) => (
        <span className="rc-time">
          <input {...ids} type="datetime-local" className="rc-input numbers" value={localOf(value)} disabled={disabled} onChange={(e) => onChange(instantOf(e.target.value))} />
          {clearable && typeof value === "string" && !disabled && <Button size="small" type="link" onClick={() => onChange(undefined)} aria-label={`${t.clear} (${label})`}>{t.clear}</Button>}
        </span>
      )}
    </Field>
  );
}

/** Check is one thing that is so or not. */
export function Check({ label, value, onChange, disabled = false }: { readonly label: string; readonly value: boolean; readonly onChange: (value: boolean) => void; readonly disabled?: boolean }): ReactNode {
  return <label className="rc-check"><input type="checkbox" checked={value} disabled={disabled} onChange={(e) => onChange(e.target.checked)} /> {label}</label>;
}
