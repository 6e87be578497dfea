import { useSyncExternalStore } from "react";

/** Something that is done after some seconds unless the person takes it back: what the server cannot undo, the person can. */
export interface Later {
  readonly conversation: string;
  readonly words: string;
  readonly due: number;
}

interface Waiting extends Later {
  readonly timer: ReturnType<typeof setTimeout>;
}

/** How long there is to think again. */
export const graceful = 5_000;

let waiting: Waiting | undefined;
const listeners = new Set<() => void>();

function change(to: Waiting | undefined): void {
  waiting = to;
  for (const tell of listeners) tell();
}

/** doLater does something in a while; what waited before is done at once. A page that is closed meanwhile does nothing. */
export function doLater(conversation: string, words: string, f: () => void): void {
  doNow();
  pending = f;
  change({ conversation, words, due: Date.now() + graceful, timer: setTimeout(doNow, graceful) });
}

let pending: (() => void) | undefined;

function doNow(): void {
  if (!waiting) return;
  clearTimeout(waiting.timer);
  change(undefined);
  const f = pending;
  pending = undefined;
  f?.();
}

/** undo takes it back. */
export function undo(): void {
  if (waiting) clearTimeout(waiting.timer);
  pending = undefined;
  change(undefined);
}

export function useLater(): Later | undefined {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => waiting);
}
