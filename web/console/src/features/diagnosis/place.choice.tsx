import { Select } from "antd";
import type { ReactNode } from "react";
import { useWords } from "../../app/words";
import { placeText } from "./place.text";

interface ChoiceProps {
  readonly excess: boolean;
  readonly onChange: (excess: boolean) => void;
}

/** QuestionChoice turns the question round: why does nothing arrive, or why does too much? */
export function QuestionChoice({ excess, onChange }: ChoiceProps): ReactNode {
  const t = useWords(placeText);
  return <Select aria-label={t.question} value={excess ? "excess" : ""} onChange={(v: string) => onChange(v === "excess")} options={[{ value: "", label: t.why }, { value: "excess", label: t.excess }]} />;
}
