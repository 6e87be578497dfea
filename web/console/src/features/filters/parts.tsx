import { Tag } from "antd";
import type { ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { useWords } from "../../app/words";
import { piecesOf } from "./pieces";
import { filtersText } from "./text";

/** Marked is a text with what rules matched in it set apart, by more than colour. */
export function Marked({ text, hits }: { readonly text: string; readonly hits: readonly Schemas["Hit"][] }): ReactNode {
  return <p className="filters-text" dir="auto">{piecesOf(text, hits).map((p, i) => (p.hit ? <mark key={i}>{p.text}</mark> : <span key={i}>{p.text}</span>))}</p>;
}

/** Reasons lists why a rule matches. */
export function Reasons({ hits }: { readonly hits: readonly Schemas["Hit"][] }): ReactNode {
  const t = useWords(filtersText);
  return (
    <ul className="filters-hits">
      {hits.map((h, i) => (
        <li key={i}><Tag>{t.how[h.how]}</Tag><code dir="auto">{h.term}</code>{h.end > 0 && <span className="soft"> {t.place(h.start, h.end)}</span>}</li>
      ))}
    </ul>
  );
}
