// Keeps a visitor in touch with the server: a stream of server-sent events; where a proxy holds streams back, questions every few seconds; when nobody
// answers, attempts that grow rarer. It says which of these it is, and nothing better than the truth.

import { Refusal } from "./api";
import { readEvents, type ServerEvent } from "./events";

export type Link = "idle" | "connecting" | "live" | "polling" | "offline";

/** How much the page wants to know: nothing, whether something new came, or everything at once. */
export type Want = "off" | "slow" | "live";

export interface Source {
  stream(signal: AbortSignal): Promise<Response>;
  /** poll fetches what is new and applies it. */
  poll(): Promise<void>;
  apply(event: ServerEvent): void;
  /** refused is asked about an answer of the server that is no: true means that going on makes no sense. */
  refused(r: Refusal): boolean;
}

// The server begins a stream with a comment and repeats one every 15 seconds. Whoever hears nothing for three of them has a dead line; whoever hears not even the
// beginning has a proxy in between that collects the stream.
const firstWord = 8_000;
const silence = 45_000;
const pollEvery = 3_000;
const pollSlow = 30_000;
const streamAgain = 120_000;
const longest = 30_000;

export class Live {
  link: Link = "idle";
  retryAt = 0;
  private want: Want = "off";
  private running: AbortController | undefined;
  private wake: (() => void) | undefined;
  private failures = 0;
  /** Until when a stream is not tried, because streams do not come through here. */
  private heldBack = 0;
  private heldBackFor = streamAgain;
  private misses = 0;
  private short = 0;

  constructor(
    private readonly source: Source,
    private readonly changed: () => void,
  ) {}

  set(want: Want): void {
    if (want === this.want) return;
    this.want = want;
    this.running?.abort();
    this.running = undefined;
    if (want === "off") {
      this.be("idle");
      return;
    }
    const stop = new AbortController();
    this.running = stop;
    void this.run(stop.signal);
  }

  /** now tries at once instead of at the end of the pause. */
  now(): void {
    this.failures = 0;
    this.wake?.();
  }

  /** lost takes the browser's word that there is no network. */
  lost(): void {
    if (this.want === "off" || this.link === "offline") return;
    const want = this.want;
    this.set("off");
    this.be("offline");
    this.failures = 1;
    this.set(want);
  }

  /** late is told when something that the server has did not come by the stream. */
  late(): void {
    if (this.link !== "live") return;
    this.holdBack();
    const want = this.want;
    this.want = "off";
    this.set(want);
  }

  private holdBack(): void {
    this.heldBack = Date.now() + this.heldBackFor;
    this.heldBackFor = Math.min(2 * this.heldBackFor, 16 * streamAgain);
  }

  private be(link: Link, retryAt = 0): void {
    if (link === this.link && retryAt === this.retryAt) return;
    this.link = link;
    this.retryAt = retryAt;
    this.changed();
  }

  private async run(stop: AbortSignal): Promise<void> {
    const over = (): boolean => stop.aborted;
    while (!over()) {
      if (this.link !== "offline") this.be(this.want === "slow" ? "idle" : this.heldBack > Date.now() ? "polling" : "connecting");
      let wait: number;
      try {
        // Asking comes before listening: it shows whether the server can be reached at all, and brings what a stream that is held back would keep.
        if (this.want === "slow" || this.failures > 0 || this.link === "connecting" || this.heldBack > Date.now()) {
          await this.source.poll();
          if (over()) return;
          this.failures = 0;
        }
        if (this.want === "slow") {
          this.be("idle");
          wait = pollSlow;
        } else if (this.heldBack > Date.now()) {
          this.be("polling");
          wait = pollEvery;
        } else {
          const began = Date.now();
          const heard = await this.listen(stop);
          if (over()) return;
          this.be("connecting");
          this.misses = heard ? 0 : this.misses + 1;
          if (this.misses >= 2) this.holdBack();
          this.short = heard && Date.now() - began < 5_000 ? Math.min(this.short + 1, 5) : 0;
          // Everybody's stream ends at the same moment when a server restarts: they shall not come back at the same moment.
          wait = (300 + Math.random() * 700) * 2 ** this.short;
        }
      } catch (fault) {
        if (over()) return;
        if (fault instanceof Refusal && this.source.refused(fault)) {
          this.want = "off";
          this.be("idle");
          return;
        }
        wait = Math.min(longest, 1000 * 2 ** this.failures) * (0.75 + Math.random() / 2);
        if (fault instanceof Refusal) wait = Math.max(wait, 1000 * fault.retryAfter);
        this.failures++;
        this.be("offline", Date.now() + wait);
      }
      await this.pause(wait, stop);
    }
  }

  /** listen reads one stream to its end, and says whether anything was heard. */
  private async listen(stop: AbortSignal): Promise<boolean> {
    const line = new AbortController();
    const abort = (): void => line.abort();
    stop.addEventListener("abort", abort);
    let heard = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      let answer: Response;
      try {
        answer = await this.source.stream(line.signal);
      } catch (fault) {
        // Asking worked a moment ago. What refuses the stream alone is an older server or a proxy.
        if (fault instanceof Refusal && fault.status === 401) throw fault;
        if (fault instanceof Refusal && fault.status === 429) this.misses = 1; // too many windows: asking is all that is left
        return false;
      }
      if (!answer.body) return false;
      timer = setTimeout(abort, firstWord);
      const alive = (): void => {
        heard = true;
        this.heldBackFor = streamAgain;
        clearTimeout(timer);
        timer = setTimeout(abort, silence);
        this.be("live");
      };
      await readEvents(answer.body, alive, (event) => this.source.apply(event)).catch(() => undefined);
      return heard;
    } finally {
      clearTimeout(timer);
      line.abort();
      stop.removeEventListener("abort", abort);
    }
  }

  private pause(ms: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stop.removeEventListener("abort", done);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      stop.addEventListener("abort", done);
      this.wake = done;
    });
  }
}
