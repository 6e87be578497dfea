import { Tag } from "antd";
import type { ReactNode } from "react";
import { useWords } from "../../app/words";
import { Outcome, type OutcomeName } from "../../ui/outcome";
import type { Help } from "./queries";
import { helpText } from "./text";

const outcomeOf: Readonly<Record<string, OutcomeName>> = { open: "wait", taken: "wait", done: "pass", declined: "block", withdrawn: "not_applicable" };

/** HelpState is where a request stands, in a shape, a colour and a word. */
export function HelpState({ request: r }: { readonly request: Help }): ReactNode {
  const t = useWords(helpText);
  return <><Outcome outcome={outcomeOf[r.state] ?? "unknown"} expected={r.state === "declined"}>{t.states[r.state]}</Outcome>{r.recovered && <Tag color="success">{t.recovered}</Tag>}</>;
}
