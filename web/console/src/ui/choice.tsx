import { useId, type ReactNode } from "react";

interface Props<T extends string> {
  /** What is chosen, for those who cannot see it. */
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: ReactNode }[];
  readonly onChange: (value: T) => void;
}

/** Choice is one of a few, all of which are seen. Plain HTML: Ant Design's has a tenth of what the workspace may have at its first load. */
export function Choice<T extends string>({ label, value, options, onChange }: Props<T>): ReactNode {
  const name = useId();
  return (
    <div role="radiogroup" aria-label={label} className="choice">
      {options.map((o) => (
        <label key={o.value}>
          <input type="radio" className="visually-hidden" name={name} value={o.value} checked={o.value === value} onChange={() => onChange(o.value)} />
          <span>{o.label}</span>
        </label>
      ))}
    </div>
  );
}
