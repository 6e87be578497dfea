import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading } from "../../ui/states";
import { nameOf } from "./parts";
import { permissionQuery } from "./queries";
import { flipsText } from "./flips.text";

interface Props {
  readonly account: string;
  readonly permission: string;
}

/** Flips are the smallest changes that would give an account a permission, or take it away, with how much else each changes. It only tells. */
export function Flips({ account, permission }: Props): ReactNode {
  const t = useWords(flipsText);
  const language = useLanguage();
  const one = useQuery(permissionQuery(account, permission, language));
  if (one.data === undefined) {
    return <div className="agents-flips">{one.error ? <ErrorState error={one.error} onRetry={() => void one.refetch()} /> : <Loading rows={2} />}</div>;
  }
  const { flips, flips_at: at, editors, permission: p } = one.data;
  const who = editors.map((e) => nameOf({ name: e.name, title: e.title })).filter((x) => x !== "");
  const others = flips.some((f) => !f.may);
  return (
    <div className="agents-flips" role="region" aria-label={t.of(p.title)}>
      <p>{flips.length === 0 ? t.noFlips : p.effective ? t.takes : t.gives}</p>
      {flips.length > 0 && (
        <ol>
          {flips.map((f) => (
            <li key={f.steps.map((s) => s.text).join()}>
              <bdi>{t.steps(f.steps.map((s) => s.text))}</bdi> <span className="soft">{f.others === 0 ? t.nothingElse : t.others(f.others)}</span>
            </li>
          ))}
        </ol>
      )}
      {at !== undefined && <p className="soft">{t.byItself(clock(at, language))}</p>}
      {others && who.length > 0 && <p className="soft"><bdi>{t.whoMay(t.list(who))}</bdi></p>}
      {flips.length > 0 && <p className="soft">{t.verified}</p>}
    </div>
  );
}
