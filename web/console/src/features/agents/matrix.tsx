import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { isOutcome, Outcome } from "../../ui/outcome";
import { nameOf } from "./parts";
import type { Permissions, Reach } from "./queries";
import { agentsText } from "./text";

interface Props {
  readonly now: Permissions;
  /** As it would be with what is edited. */
  readonly then?: Permissions | undefined;
}

/** Every inbox of the account with every kind: does it arrive, and if not, what stops it first. */
export function Matrix({ now, then }: Props): ReactNode {
  const t = useWords(agentsText);
  const shown = then ?? now;
  const cells = shown.inboxes;
  const inboxes = [...new Map(cells.map((c) => [c.inbox, nameOf({ name: c.inbox, title: c.inbox_title })]))];
  const kinds = [...new Map(cells.map((c) => [c.kind, c.kind_title]))];
  const at = (list: readonly Reach[], inbox: string, kind: string): Reach | undefined => list.find((c) => c.inbox === inbox && c.kind === kind);
  return (
    <div className="agents-matrix">
      <h3>{t.matrix}</h3>
      <p className="soft">{inboxes.length === 0 ? t.noInboxes : t.matrixText}</p>
      {inboxes.length > 0 && (
        <div className="agents-matrix-scroll" tabIndex={0} role="group" aria-label={t.matrix}>
          <table>
            <thead><tr><th scope="col">{t.inbox}</th>{kinds.map(([kind, title]) => <th scope="col" key={kind}>{title}</th>)}</tr></thead>
            <tbody>
              {inboxes.map(([inbox, title]) => (
                <tr key={inbox}>
                  <th scope="row"><bdi className="agents-name">{title}</bdi></th>
                  {kinds.map(([kind]) => <Cell key={kind} cell={at(cells, inbox, kind)} before={at(now.inboxes, inbox, kind)} />)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {inboxes.length > 0 && shown.other_inboxes > 0 && <p className="soft">{t.otherInboxes(shown.other_inboxes)}</p>}
    </div>
  );
}

function Cell({ cell, before }: { readonly cell: Reach | undefined; readonly before: Reach | undefined }): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  if (!cell) return <td><Outcome outcome="not_applicable" shapeOnly /></td>;
  const outcome = isOutcome(cell.outcome) ? cell.outcome : "unknown";
  const until = cell.until === undefined ? "" : ` · ${t.until(clock(cell.until, language))}`;
  const turned = before !== undefined && before.may !== cell.may;
  return (
    <td data-changed={turned ? "" : undefined}>
      <Outcome outcome={outcome} expected={outcome !== "pass" && cell.expected}>{cell.can ? t.reaches : `${cell.reason ?? ""}${until}`}</Outcome>
      {turned && <strong className="agents-turn">{cell.may ? t.wouldStart : t.wouldStop}</strong>}
    </td>
  );
}
