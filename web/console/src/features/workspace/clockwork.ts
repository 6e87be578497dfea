import { useEffect, useState, useSyncExternalStore } from "react";

/** useNow is the present, so often as is asked; it stands still while nothing that shows it is there. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

function onVisible(tell: () => void): () => void {
  document.addEventListener("visibilitychange", tell);
  window.addEventListener("focus", tell);
  return () => {
    document.removeEventListener("visibilitychange", tell);
    window.removeEventListener("focus", tell);
  };
}

/** useVisible says whether a person can see the page. */
export function useVisible(): boolean {
  return useSyncExternalStore(onVisible, () => document.visibilityState === "visible");
}

const phone = window.matchMedia("(max-width: 720px)");
const narrow = window.matchMedia("(max-width: 1100px)");

function useMedia(media: MediaQueryList): boolean {
  return useSyncExternalStore((tell) => {
    media.addEventListener("change", tell);
    return () => media.removeEventListener("change", tell);
  }, () => media.matches);
}

/** usePhone says whether there is room for one pane only. */
export const usePhone = (): boolean => useMedia(phone);

/** useNarrow says whether the customer's pane has to lie over the thread. */
export const useNarrow = (): boolean => useMedia(narrow);
