import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { createPortal } from "react-dom";

/** Places in the frame that a feature may fill while the person is signed in, such as the one for presence in the top bar. */
export interface BarPart {
  readonly id: string;
  readonly part: () => Promise<{ default: () => ReactNode }>;
}

let place: HTMLElement | null = null;
const listeners = new Set<() => void>();

/** BarSlot is where the frame lets a page put something of its own into the top bar. */
export function BarSlot(): ReactNode {
  const [element, setElement] = useState<HTMLElement | null>(null);
  useEffect(() => {
    place = element;
    for (const tell of listeners) tell();
    return () => {
      place = null;
    };
  }, [element]);
  return <div className="bar-slot" ref={setElement} />;
}

/** InBar shows its children in the top bar. */
export function InBar({ children }: { readonly children: ReactNode }): ReactNode {
  const at = useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => place);
  return at && createPortal(children, at);
}
