import { DatePicker } from "antd";
import dayjs from "dayjs";
import type { ReactNode } from "react";

interface Props {
  readonly label: string;
  readonly placeholder: string;
  /** An instant; undefined: now. */
  readonly at: string | undefined;
  readonly onChange: (at: string | undefined) => void;
}

/** The instant that is asked about. It takes its words from outside, so that nothing of the page comes with it: calendars are the heaviest part of the page. */
export default function When({ label, placeholder, at, onChange }: Props): ReactNode {
  return (
    <DatePicker aria-label={label} showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" placeholder={placeholder} value={at === undefined ? null : dayjs(at)}
      disabledDate={(d) => d.isAfter(dayjs())} onChange={(d) => onChange(d === null ? undefined : d.toISOString())} />
  );
}
