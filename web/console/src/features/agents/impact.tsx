import { Button, Drawer, Modal } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { pick } from "@bida/shared/text";
import { useLanguage, useWords } from "../../app/words";
import { Outcome } from "../../ui/outcome";
import { clashes, differences, type Spec } from "./edit";
import { Name, nameOf } from "./parts";
import { historyQuery, type Account, type Alteration, type Permissions } from "./queries";
import { agentsText } from "./text";
import { differenceWords, told } from "./words";

interface Props {
  readonly open: boolean;
  readonly account: Account;
  readonly changes: readonly string[];
  readonly alterations: readonly Alteration[];
  readonly saving: boolean;
  readonly onSave: () => void;
  readonly onClose: () => void;
}

/** What saving would do, in words, before it is done: to this account first, then to everybody else. */
export function Impact({ open, account, changes, alterations, saving, onSave, onClose }: Props): ReactNode {
  const t = useWords(agentsText);
  const self = alterations.find((a) => a.account === account.name);
  const others = alterations.filter((a) => a.account !== account.name);
  const people = told(alterations);
  return (
    <Drawer open={open} onClose={onClose} title={t.impact} size={480}
      footer={<div className="agents-drawer-foot"><Button onClick={onClose}>{t.cancel}</Button><Button type="primary" loading={saving} onClick={onSave}>{t.save}</Button></div>}>
      <div className="agents-impact">
        <section>
          <h3>{t.changesTitle}</h3>
          <ul className="agents-changes">{changes.map((c) => <li key={c}><bdi>{c}</bdi></li>)}</ul>
        </section>
        {self && <section><h3><Name of={{ name: account.name, title: account.title }} /></h3><What of={self} /></section>}
        {others.length > 0 && <section><h3>{t.impactOthers(others.length)}</h3>{others.map((a) => <div key={a.account}><strong><Name of={{ name: a.account, title: a.title }} /></strong><What of={a} /></div>)}</section>}
        {alterations.length === 0 && <p>{t.impactNobody}</p>}
        {people.length > 0 && <p className="soft"><bdi>{t.impactTold(t.list(people))}</bdi></p>}
      </div>
    </Drawer>
  );
}

/** What stops and what starts, by kind, and the sentence that the leads will read. */
function What({ of }: { readonly of: Alteration }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const lines = (title: string, outcome: "block" | "pass", cells: Alteration["stops"]): ReactNode => cells.length > 0 && (
    <div className="agents-turns" data-outcome={outcome}>
      <Outcome outcome={outcome}><strong>{title}</strong></Outcome>
      <ul>
        {[...new Map(cells.map((c) => [c.kind, c.kind_title]))].map(([kind, kindTitle]) => {
          const inboxes = cells.filter((c) => c.kind === kind);
          const from = inboxes[0]?.from;
          const until = inboxes[0]?.until;
          return (
            <li key={kind}>
              <strong>{kindTitle}</strong> <bdi className="soft">{t.list(inboxes.map((c) => nameOf({ name: c.inbox, title: c.inbox_title })))}</bdi>
              {from !== undefined && <span className="soft numbers"> {t.fromTime(clock(from, language))}</span>}
              {until !== undefined && <span className="soft numbers"> {t.until(clock(until, language))}</span>}
            </li>
          );
        })}
      </ul>
    </div>
  );
  return (
    <>
      {lines(t.impactStops, "block", of.stops)}
      {lines(t.impactStarts, "pass", of.starts)}
      {of.windows && <p>{t.impactWindows}</p>}
      {of.pushes && <p>{t.impactPushes}</p>}
      <p className="soft agents-sentence"><bdi>{pick(of.text, language)}</bdi></p>
    </>
  );
}

interface StaleProps {
  readonly account: string;
  readonly base: Spec;
  readonly mine: Spec;
  readonly theirs: { readonly spec: Spec; readonly revision: number };
  readonly permissions: Permissions;
  readonly onReapply: () => void;
  readonly onTake: () => void;
}

/** Somebody else saved first: what they changed, and what becomes of one's own changes. */
export function StaleDialog({ account, base, mine, theirs, permissions, onReapply, onTake }: StaleProps): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const history = useQuery(historyQuery(account));
  const by = history.data?.find((r) => r.revision === theirs.revision);
  const both = clashes(base, mine, theirs.spec);
  return (
    <Modal open title={t.stale} closable={false} mask={{ closable: false }}
      footer={[<Button key="take" danger onClick={onTake}>{t.takeTheirs}</Button>, <Button key="again" type="primary" onClick={onReapply}>{t.reapply}</Button>]}>
      <div className="agents-dialog">
        {by && <p><bdi>{t.staleBy(by.by === "system" ? t.system : by.by, clock(by.at, language), by.revision)}</bdi></p>}
        <h3>{t.staleTheirs}</h3>
        <ul className="agents-changes">{differences(base, theirs.spec).map((d) => differenceWords(d, permissions, t, language)).map((line) => <li key={line}><bdi>{line}</bdi></li>)}</ul>
        {both.length > 0 && <><h3 className="agents-wrong">{t.staleClash}</h3><ul className="agents-changes">{both.map((d) => differenceWords(d, permissions, t, language)).map((line) => <li key={line}><bdi>{line}</bdi></li>)}</ul></>}
      </div>
    </Modal>
  );
}
