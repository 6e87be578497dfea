import type { ReactNode } from "react";
import { useWords } from "../../app/words";
import { Choice } from "../../ui/choice";
import type { Editable, FormProps } from "./editor";
import { NumberField, TextField, TimeField, Wrong } from "./fields";
import { put } from "./merge";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";

export const switches: Editable = { kind: "switch", Form: SwitchForm, fresh: { state: "on" } };

export const switchStates = ["on", "off", "paused", "limited"] as const;
export type SwitchState = (typeof switchStates)[number];

/** stateOf is what a switch is set to; without a document it is on. */
export function stateOf(spec: Readonly<Record<string, unknown>> | undefined): SwitchState {
  return switchStates.find((s) => s === spec?.["state"]) ?? "on";
}

function SwitchForm({ spec, change, faults, readOnly }: FormProps): ReactNode {
  const t = useWords(receptionText);
  const s = useWords(sectionText).switch;
  const state = stateOf(spec);
  const set = (path: string, value: unknown): void => change(put(spec, path, value));
  const choose = (to: SwitchState): void => {
    const kept = to === "paused" || to === "limited" ? spec : put(spec, "/until", undefined);
    const limited = to === "limited" ? put(kept, "/per_minute", kept["per_minute"] ?? 30) : put(kept, "/per_minute", undefined);
    change({ ...(to === "on" ? put(limited, "/reason", undefined) : limited), state: to });
  };
  return (
    <section className="card rc-form">
      <fieldset className="rc-field" data-wide="" disabled={readOnly}>
        <legend>{s.state}</legend>
        <Choice label={s.state} value={state} options={switchStates.map((value) => ({ value, label: s.states[value] }))} onChange={choose} />
        <p className="soft">{s.stateTexts[state]}</p>
        <Wrong of={faults.at("/state")} />
      </fieldset>
      {state === "limited" && <NumberField label={s.perMinute} value={spec["per_minute"]} onChange={(v) => set("/per_minute", v)} wrong={faults.at("/per_minute")} disabled={readOnly} />}
      {(state === "paused" || state === "limited") && <TimeField label={s.until} value={spec["until"]} onChange={(v) => set("/until", v)} wrong={faults.at("/until")} disabled={readOnly} />}
      {state !== "on" && <TextField label={t.reason} value={spec["reason"]} onChange={(v) => set("/reason", v)} wrong={faults.at("/reason")} disabled={readOnly} wide />}
    </section>
  );
}
