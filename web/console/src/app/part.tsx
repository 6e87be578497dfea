import { useEffect, useState, type ComponentType, type ReactNode } from "react";
import { Loading, PartFailed } from "../ui/states";
import { lookForNewVersion } from "./version";

interface Options {
  /** What stands there until the part has come; a skeleton if left out. */
  readonly waiting?: ReactNode;
  /** The part is fetched again and again by itself, and nothing is said meanwhile: for what is not asked for by anybody. */
  readonly quiet?: boolean;
}

/** A component whose code is fetched when it is first shown, or before. */
export type Part<P> = ((props: P) => ReactNode) & { readonly preload: () => Promise<void> };

const patience = [1_000, 3_000, 10_000, 30_000];

/**
 * part makes a component of code that is fetched when it is needed. Where that fails, it says so in its place and can be tried again, which React's own
 * lazy() cannot: it keeps the failure. A tab that is older than the server learns that it is.
 */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, { waiting = <Loading />, quiet = false }: Options = {}): Part<P> {
  let loaded: ComponentType<P> | undefined;
  let coming: Promise<ComponentType<P>> | undefined;
  const fetch = (): Promise<ComponentType<P>> => {
    coming ??= load().then((m) => (loaded = m.default), (error: unknown) => {
      coming = undefined;
      throw error;
    });
    return coming;
  };
  const Shown = (props: P): ReactNode => {
    const [Code, setCode] = useState<ComponentType<P> | undefined>(() => loaded);
    const [attempt, again] = useState(0);
    const [failed, fail] = useState(false);
    useEffect(() => {
      if (loaded !== undefined) {
        setCode(() => loaded);
        return;
      }
      let left = false;
      let timer: ReturnType<typeof setTimeout> | undefined;
      fetch().then((code) => left || setCode(() => code), () => {
        void lookForNewVersion().then((outdated) => {
          if (left) return;
          if (!quiet) fail(true);
          else if (!outdated) timer = setTimeout(() => again((n) => n + 1), patience[Math.min(attempt, patience.length - 1)]);
        });
      });
      return () => {
        left = true;
        clearTimeout(timer);
      };
    }, [attempt]);
    if (Code !== undefined) return <Code {...props} />;
    if (!failed) return waiting;
    return <PartFailed onRetry={() => {
      fail(false);
      again((n) => n + 1);
    }} />;
  };
  return Object.assign(Shown, { preload: () => fetch().then(() => undefined, () => undefined) });
}
