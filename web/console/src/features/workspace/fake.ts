import type { Keep } from "./drafts";

/** Something that keeps, for tests; it can refuse to, as browsers do. */
export class FakeKeep implements Keep {
  readonly kept = new Map<string, string>();
  full = false;

  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.kept.set(key, value);
  }

  removeItem(key: string): void {
    this.kept.delete(key);
  }
}

/** A clock that only the test moves. */
export class FakeClock {
  now = 1_000_000;
  private timers: { at: number; f: () => void }[] = [];

  readonly after = (ms: number, f: () => void): (() => void) => {
    const timer = { at: this.now + ms, f };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  };

  /** Moves on, and does what is due. */
  pass(ms: number): void {
    this.now += ms;
    const due = this.timers.filter((t) => t.at <= this.now);
    this.timers = this.timers.filter((t) => t.at > this.now);
    for (const t of due) t.f();
  }
}
