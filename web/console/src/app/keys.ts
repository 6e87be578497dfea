import { useEffect, useSyncExternalStore } from "react";

/** A key that does something on the page that is shown. */
export interface Key {
  /** As KeyboardEvent.key has it, or with "mod+" before it for Ctrl or ⌘. */
  readonly key: string;
  /** What it does, in the person's language, for the list of keys. */
  readonly does: string;
  /** Under which heading it is listed. */
  readonly group: string;
  readonly run: () => void;
}

let active: readonly Key[] = [];
const listeners = new Set<() => void>();

function change(next: readonly Key[]): void {
  active = next;
  for (const tell of listeners) tell();
}

/** useKeys makes keys work while a component is shown. Keys without mod do nothing while somebody writes. */
export function useKeys(keys: readonly Key[]): void {
  useEffect(() => {
    change([...active, ...keys]);
    return () => change(active.filter((k) => !keys.includes(k)));
  }, [keys]);
}

/** useActiveKeys lists the keys that work now. */
export function useActiveKeys(): readonly Key[] {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => active);
}

function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function fits(e: KeyboardEvent, key: string): boolean {
  const mod = e.ctrlKey || e.metaKey;
  if (key.startsWith("mod+")) return mod && e.key.toLowerCase() === key.slice(4);
  return !mod && !e.altKey && e.key === key && !writing(e.target);
}

/** listenForKeys runs the newest key that fits. A key that is part of composing a character is not one. */
export function listenForKeys(): () => void {
  const hear = (e: KeyboardEvent): void => {
    if (e.isComposing || e.defaultPrevented) return;
    const found = active.findLast((k) => fits(e, k.key));
    if (!found) return;
    e.preventDefault();
    found.run();
  };
  window.addEventListener("keydown", hear);
  return () => window.removeEventListener("keydown", hear);
}
