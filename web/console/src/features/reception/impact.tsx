import { Button, Drawer } from "antd";
import type { ReactNode } from "react";
import { clock, kindTitle } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { titleOf, told } from "./names";
import type { Alteration, Change, Impact, Policy } from "./queries";
import { receptionText } from "./text";

interface Props {
  readonly weighed: { readonly change: Change; readonly alterations: readonly Alteration[]; readonly impact: Impact | undefined } | undefined;
  readonly policy: Policy;
  readonly content: boolean;
  readonly saving: boolean;
  readonly onSave: () => void;
  readonly onClose: () => void;
}

const shownPeople = 20;

/** ImpactPanel slides in before a save that changes somebody's reception: who, which messages, and whether somewhere nobody is left. */
export function ImpactPanel({ weighed, policy, content, saving, onSave, onClose }: Props): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  const removes = weighed?.change.spec === undefined;
  const safe = weighed?.impact?.safe === true;
  const people = weighed ? told(weighed.alterations) : [];
  return (
    <Drawer open={weighed !== undefined} onClose={onClose} title={removes ? t.impactRemove : t.impact} size={480}
      footer={<div className="rc-foot"><Button onClick={onClose}>{t.cancel}</Button><Button type="primary" danger={removes} loading={saving} onClick={onSave}>{safe ? (removes ? t.remove : t.save) : removes ? t.impactRemoveSave : t.impactSave}</Button></div>}>
      {weighed && (
        <div className="rc-impact" role="group" aria-label={removes ? t.impactRemove : t.impact} tabIndex={0}>
          {weighed.impact ? <Ahead impact={weighed.impact} policy={policy} /> : <p className="rc-notice">{t.impactTooMuch}</p>}
          {weighed.impact && <Recorded impact={weighed.impact} policy={policy} />}
          {content && <p className="soft">{t.impactFilter}</p>}
          <section>
            <h3>{weighed.alterations.length === 0 ? t.impactNobody : t.impactPeople(weighed.alterations.length)}</h3>
            <ul className="rc-people">
              {weighed.alterations.slice(0, shownPeople).map((a) => (
                <li key={a.account}><Outcome outcome={a.stops.length > 0 ? "block" : "wait"}><bdi>{pick(a.text, language)}</bdi></Outcome></li>
              ))}
            </ul>
          </section>
          {people.length > 0 && <p className="soft"><bdi>{t.told(t.list(people.slice(0, shownPeople)))}</bdi></p>}
        </div>
      )}
    </Drawer>
  );
}

/** Ahead names where nobody would be left. */
function Ahead({ impact, policy }: { readonly impact: Impact; readonly policy: Policy }): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  if (impact.ahead.losses.length === 0) return <p><Outcome outcome="pass">{t.noLosses}</Outcome></p>;
  return (
    <section className="rc-losses">
      <h3><Outcome outcome="block">{t.impactLosses}</Outcome></h3>
      <ul>
        {impact.ahead.losses.slice(0, 8).map((l) => (
          <li key={`${l.inbox} ${l.kind}`}><bdi>{t.loss(clock(l.at, language), titleOf(policy, "inbox", l.inbox), kindTitle(l.kind, language), t.list(l.last.map((n) => n.title ?? n.name)))}</bdi>{l.reason !== undefined && l.reason !== "" && <span className="soft"> {l.reason}</span>}</li>
        ))}
      </ul>
    </section>
  );
}

/** Recorded counts what would have become of the messages that came. */
function Recorded({ impact, policy }: { readonly impact: Impact; readonly policy: Policy }): ReactNode {
  const t = useWords(receptionText);
  const language = useLanguage();
  const r = impact.replay;
  const days = new Date(r.until).getTime() - new Date(r.from).getTime() < 2 * 86_400_000 ? t.day : t.week;
  const example = r.examples[0];
  const lines = [
    r.waits > 0 && <Outcome key="w" outcome="block">{t.waits(r.waits)}</Outcome>,
    r.received > 0 && <Outcome key="r" outcome="pass">{t.received(r.received)}</Outcome>,
    r.other > 0 && <Outcome key="o" outcome="wait">{t.other(r.other)}</Outcome>,
    r.undetermined > 0 && <Outcome key="u" outcome="unknown">{t.undetermined(r.undetermined)}</Outcome>,
  ].filter((x) => x !== false);
  return (
    <section>
      <h3>{r.messages === 0 ? t.impactNone : t.impactRecorded(days, r.messages)}</h3>
      {r.messages > 0 && lines.length === 0 && <Outcome outcome="pass">{t.impactSame}</Outcome>}
      <ul className="rc-people">{lines.map((l) => <li key={l.key}>{l}</li>)}</ul>
      {example && <p className="soft"><bdi>{t.impactExample(clock(example.at, language), titleOf(policy, "inbox", example.inbox), example.reason ?? "")}</bdi></p>}
    </section>
  );
}
