import AppContext, { type useAppProps } from "antd/es/app/context";
import { useContext, useEffect, useMemo, useState, type ComponentType, type ReactNode } from "react";

/** What answers a person's action: short messages, notices that stay, questions. As Ant Design's App.useApp() has it. */
export type Feedback = useAppProps;

/** useFeedback is App.useApp() for what is part of the first load: the words are fetched when something is said. */
export function useFeedback(): Feedback {
  return useContext(AppContext);
}

type Say = (to: Feedback) => unknown;

/** Later keeps what is said until there is something to say it with, in its order. */
export class Later {
  private waiting: Say[] = [];
  private real: Feedback | undefined;

  /** @param wanted is called when something waits */
  constructor(private readonly wanted: () => void) {}

  readonly feedback: Feedback = { message: this.stand("message"), notification: this.stand("notification"), modal: this.stand("modal") };

  ready(real: Feedback): void {
    this.real = real;
    for (const say of this.waiting.splice(0)) say(real);
  }

  private say(say: Say): void {
    if (this.real) {
      say(this.real);
      return;
    }
    this.waiting.push(say);
    this.wanted();
  }

  /** stand makes an object whose every method is called on the real one as soon as that is there. */
  private stand<K extends keyof Feedback>(name: K): Feedback[K] {
    const call = (method: string | symbol, args: unknown[]): unknown => {
      const done = new Promise<unknown>((resolve) => this.say((to) => {
        const whole: Feedback[K] = to[name];
        resolve((Reflect.get(whole, method) as (...a: unknown[]) => unknown)(...args));
      }));
      // What Ant Design returns can be awaited, and ends what was said when it is called.
      return Object.assign(() => void done.then((end) => typeof end === "function" && (end as () => void)()), { then: done.then.bind(done) });
    };
    return new Proxy({}, { get: (_, method) => (...args: unknown[]) => call(method, args) }) as Feedback[K];
  }
}

type Holder = ComponentType<{ readonly onReady: (real: Feedback) => void }>;

const patience = 2_000; // until the holder is fetched though nothing was said yet

/**
 * FeedbackProvider stands in for Ant Design's App: dialogs, messages and notices are a tenth of what the console would have to fetch first, and nothing is
 * said before somebody does something.
 */
export function FeedbackProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [holder, setHolder] = useState<{ readonly Part: Holder }>();
  const [real, setReal] = useState<Feedback>();
  const [wanted, want] = useState(0);
  const later = useMemo(() => new Later(() => want((n) => n + 1)), []);
  useEffect(() => {
    let left = false;
    const fetch = (): void => void import("./holder").then((m) => left || setHolder({ Part: m.default }), () => left || setTimeout(fetch, patience));
    const timer = setTimeout(fetch, wanted > 0 ? 0 : patience);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  return (
    <AppContext.Provider value={real ?? later.feedback}>
      {children}
      {holder && <holder.Part onReady={(it) => {
        later.ready(it);
        setReal(it);
      }} />}
    </AppContext.Provider>
  );
}
