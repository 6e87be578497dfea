import type { Language } from "@bida/shared/text";
import { useEffect, useSyncExternalStore } from "react";

/** Something that the palette can do. */
export interface Command {
  readonly id: string;
  readonly title: string;
  /** More words by which it is found. */
  readonly also?: string;
  readonly run: () => void;
}

/** A feature's answer to what somebody types: agents by name, say. It may ask the server. */
export type CommandSource = (text: string, language: Language, signal: AbortSignal) => Promise<readonly Command[]>;

let sources: readonly CommandSource[] = [];
const listeners = new Set<() => void>();

function change(next: readonly CommandSource[]): void {
  sources = next;
  for (const tell of listeners) tell();
}

/** useCommandSource adds a source to the palette while a component is shown. */
export function useCommandSource(source: CommandSource): void {
  useEffect(() => {
    change([...sources, source]);
    return () => change(sources.filter((s) => s !== source));
  }, [source]);
}

export function useCommandSources(): readonly CommandSource[] {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => sources);
}
