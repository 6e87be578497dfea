import type { Schemas } from "@bida/shared/api";

type Hit = Schemas["Hit"];

export interface Piece {
  readonly text: string;
  readonly hit: boolean;
}

/** piecesOf cuts a text into what rules matched and what lies between. Places count characters as the server does: a surrogate pair is one. */
export function piecesOf(text: string, hits: readonly Hit[]): readonly Piece[] {
  const characters = [...text];
  const marked = new Set<number>();
  for (const h of hits) for (let i = h.start; i < h.end && i < characters.length; i++) marked.add(i);
  const pieces: { text: string; hit: boolean }[] = [];
  characters.forEach((c, i) => {
    const hit = marked.has(i);
    const last = pieces.at(-1);
    if (last?.hit === hit) last.text += c;
    else pieces.push({ text: c, hit });
  });
  return pieces;
}
