import type { ReactNode } from "react";
import { kindTitle } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import type { Editable, FormProps } from "./editor";
import { Check, Field, ManyField, TextField, TimeField, Wrong } from "./fields";
import { put } from "./merge";
import { choicesOf, kindsOf } from "./names";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";

export const maintenance: Editable = { kind: "maintenance", Form: MaintenanceForm, fresh: {} };

type Part = Readonly<Record<string, unknown>>;
const partOf = (x: unknown): Part | undefined => (typeof x === "object" && x !== null ? (x as Part) : undefined);

/** phaseOf says whether a window or an announcement is over, under way or to come. */
export function phaseOf(spec: Part, now: Date): "over" | "now" | "later" {
  const a = partOf(spec["announcement"]);
  const at = (x: unknown): number => (typeof x === "string" ? Date.parse(x) : NaN);
  const until = Math.max(...[at(spec["until"]), at(a?.["until"])].filter((n) => !Number.isNaN(n)));
  const from = typeof spec["from"] === "string" ? at(spec["from"]) : at(a?.["from"]);
  if (until <= now.getTime()) return "over";
  return from > now.getTime() ? "later" : "now";
}

/** nextHour is a beginning to start from: the next full hour. */
function nextHour(plus: number): string {
  return new Date((Math.floor(Date.now() / 3_600_000) + 1 + plus) * 3_600_000).toISOString();
}

function MaintenanceForm({ policy, spec, change, faults, readOnly }: FormProps): ReactNode {
  const t = useWords(receptionText);
  const m = useWords(sectionText).maintenance;
  const language = useLanguage();
  const set = (path: string, value: unknown): void => change(put(spec, path, value));
  const window = spec["from"] !== undefined || spec["until"] !== undefined;
  const a = partOf(spec["announcement"]);
  const to = partOf(a?.["to"]);
  // A new announcement must say to whom: an empty one is kept as it is, for the server to ask.
  const setTo = (field: string, value: unknown): void => change({ ...spec, announcement: { ...a, to: put(to ?? {}, field, value) } });
  const kinds = kindsOf(policy).map((k) => ({ value: k, label: kindTitle(k, language) }));
  return (
    <>
      <section className="card rc-form">
        <TextField label={t.titleField} value={spec["title"]} onChange={(v) => set("/title", v)} wrong={faults.at("/title")} disabled={readOnly} />
        <TextField label={t.reason} value={spec["reason"]} onChange={(v) => set("/reason", v)} wrong={faults.at("/reason")} disabled={readOnly} />
        <div className="rc-field" data-wide=""><Wrong of={faults.at("", false)} /></div>
      </section>
      <section className="card rc-form">
        <div className="rc-field" data-wide="">
          <Check label={m.window} value={window} disabled={readOnly}
            onChange={(on) => change(on ? { ...spec, from: nextHour(0), until: nextHour(1) } : ["/from", "/until", "/inboxes", "/kinds"].reduce((s, p) => put(s, p, undefined), spec))} />
          <p className="soft">{m.windowHint}</p>
        </div>
        {window && (
          <>
            <TimeField label={t.from} value={spec["from"]} onChange={(v) => set("/from", v)} wrong={faults.at("/from")} disabled={readOnly} clearable={false} />
            <TimeField label={t.until} value={spec["until"]} onChange={(v) => set("/until", v)} wrong={faults.at("/until")} disabled={readOnly} clearable={false} />
            <ManyField label={t.inboxes} value={spec["inboxes"]} options={choicesOf(policy, "inbox")} onChange={(v) => set("/inboxes", v)} wrong={faults.at("/inboxes")} placeholder={m.inboxesHint} disabled={readOnly} />
            <ManyField label={t.kinds} value={spec["kinds"]} options={kinds} onChange={(v) => set("/kinds", v)} wrong={faults.at("/kinds")} placeholder={m.kindsHint} disabled={readOnly} />
          </>
        )}
      </section>
      <section className="card rc-form">
        <div className="rc-field" data-wide="">
          <Check label={m.announce} value={a !== undefined} disabled={readOnly} onChange={(on) => (on ? change({ ...spec, announcement: { to: { everybody: true } } }) : set("/announcement", undefined))} />
          <Wrong of={faults.at("/announcement", false)} />
        </div>
        {a && (
          <>
            {(["zh", "en"] as const).map((lang) => (
              <Field key={lang} label={m[lang]} wide wrong={faults.at(`/announcement/${lang}`)}>
                {(ids) => <textarea {...ids} className="rc-input" dir="auto" rows={2} maxLength={1000} disabled={readOnly} value={typeof a[lang] === "string" ? a[lang] : ""} onChange={(e) => set(`/announcement/${lang}`, e.target.value)} />}
              </Field>
            ))}
            <TimeField label={m.announceFrom} value={a["from"]} onChange={(v) => set("/announcement/from", v)} hint={m.fromHint} wrong={faults.at("/announcement/from")} disabled={readOnly} />
            <TimeField label={m.announceUntil} value={a["until"]} onChange={(v) => set("/announcement/until", v)} hint={window ? m.untilHint : undefined} wrong={faults.at("/announcement/until")} disabled={readOnly} />
            <div className="rc-field" data-wide="">
              <Check label={`${m.to}: ${m.everybody}`} value={to?.["everybody"] === true} disabled={readOnly} onChange={(on) => (on ? change({ ...spec, announcement: { ...a, to: { everybody: true } } }) : setTo("/everybody", undefined))} />
              <Wrong of={faults.at("/announcement/to", false)} />
            </div>
            {to?.["everybody"] !== true && (
              <>
                <ManyField label={m.teams} value={to?.["teams"]} options={choicesOf(policy, "team")} onChange={(v) => setTo("/teams", v)} wrong={faults.at("/announcement/to/teams")} disabled={readOnly} />
                <ManyField label={m.accounts} value={to?.["accounts"]} options={choicesOf(policy, "account")} onChange={(v) => setTo("/accounts", v)} wrong={faults.at("/announcement/to/accounts")} disabled={readOnly} />
              </>
            )}
          </>
        )}
      </section>
    </>
  );
}
