import { useSyncExternalStore } from "react";
import type { Language } from "@bida/shared/text";

export type Appearance = "light" | "dark" | "system";

/** What a person prefers on this device. */
export interface Preferences {
  readonly language: Language;
  readonly appearance: Appearance;
  /** The rail on the left shows icons only. */
  readonly narrow: boolean;
}

const key = "bida.preferences";
const listeners = new Set<() => void>();

function stored(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Preferences>;
  } catch {
    return {}; // a browser that keeps nothing, or what somebody wrote there by hand
  }
}

function initial(): Preferences {
  const s = stored();
  const browser: Language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  return {
    language: s.language === "zh" || s.language === "en" ? s.language : browser,
    appearance: s.appearance === "light" || s.appearance === "dark" ? s.appearance : "system",
    narrow: s.narrow === true,
  };
}

let current = initial();

export function preferences(): Preferences {
  return current;
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // It holds until the page is closed.
  }
  for (const tell of listeners) tell();
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, preferences);
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** useDark says whether the page is dark now. */
export function useDark(): boolean {
  const system = useSyncExternalStore((tell) => {
    dark.addEventListener("change", tell);
    return () => dark.removeEventListener("change", tell);
  }, () => dark.matches);
  const { appearance } = usePreferences();
  return appearance === "system" ? system : appearance === "dark";
}

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** useStill says whether the person wants nothing to move. */
export function useStill(): boolean {
  return useSyncExternalStore((tell) => {
    still.addEventListener("change", tell);
    return () => still.removeEventListener("change", tell);
  }, () => still.matches);
}
