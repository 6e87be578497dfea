import type { Environment, Keep, SocketLike } from "./environment";

/** For tests: an environment with a clock that moves when it is told, and a server that the test plays. */
export class FakeEnvironment implements Environment {
  time = 1_000_000;
  readonly sockets: FakeSocket[] = [];
  readonly requests: FakeRequest[] = [];
  readonly faults: unknown[] = [];
  readonly keep: Keep & Map<string, string>;
  copied = false;
  shown = true;
  /** Throws instead of opening a WebSocket. */
  noSockets = false;
  chance = 1;
  private timers: { at: number; f: () => void }[] = [];
  private later: (() => void)[] = [];
  private readonly visibility = new Set<() => void>();
  private readonly online = new Set<() => void>();

  constructor(keep = new Map<string, string>()) {
    this.keep = Object.assign(keep, {
      getItem: (key: string) => keep.get(key) ?? null,
      setItem: (key: string, value: string) => void keep.set(key, value),
      removeItem: (key: string) => void keep.delete(key),
    });
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, f: () => void): () => void {
    const timer = { at: this.time + ms, f };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  soon(f: () => void): void {
    this.later.push(f);
  }

  openSocket(path: string): SocketLike {
    if (this.noSockets) {
      throw new Error("SecurityError");
    }
    const socket = new FakeSocket(this, path);
    this.sockets.push(socket);
    return socket;
  }

  fetch(path: string, init: RequestInit): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = new FakeRequest(this, path, init, resolve);
      this.requests.push(request);
      init.signal?.addEventListener("abort", () => {
        request.aborted = true;
        reject(new Error("aborted"));
      });
    });
  }

  visible(): boolean {
    return this.shown;
  }

  onVisibility(f: () => void): () => void {
    this.visibility.add(f);
    return () => void this.visibility.delete(f);
  }

  onOnline(f: () => void): () => void {
    this.online.add(f);
    return () => void this.online.delete(f);
  }

  report(error: unknown): void {
    this.faults.push(error);
  }

  /** Does what was to be done soon. */
  settle(): void {
    while (this.later.length > 0) {
      for (const f of this.later.splice(0)) {
        f();
      }
    }
  }

  /** Lets time pass, with its timers in order. */
  pass(ms: number): void {
    const end = this.time + ms;
    this.settle();
    for (;;) {
      const next = this.timers.reduce<{ at: number; f: () => void } | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined);
      if (next === undefined || next.at > end) {
        break;
      }
      this.timers = this.timers.filter((other) => other !== next);
      this.time = Math.max(this.time, next.at);
      next.f();
      this.settle();
    }
    this.time = end;
  }

  /** Lets time pass without timers: the tab is frozen. */
  freeze(ms: number): void {
    this.time += ms;
  }

  show(shown: boolean): void {
    this.shown = shown;
    this.visibility.forEach((f) => f());
    this.settle();
  }

  comeOnline(): void {
    this.online.forEach((f) => f());
    this.settle();
  }

  get listeners(): number {
    return this.visibility.size + this.online.size;
  }

  get waiting(): number {
    return this.timers.length;
  }

  /** Waits until promises that are due have been followed. */
  async followed(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      this.settle();
    }
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) {
      throw new Error("no WebSocket was opened");
    }
    return last;
  }

  get request(): FakeRequest {
    const last = this.requests.at(-1);
    if (last === undefined) {
      throw new Error("nothing was asked");
    }
    return last;
  }
}

export type Frame = Record<string, unknown>;

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((message: { readonly data: unknown }) => void) | null = null;
  onclose: ((end: { readonly code: number; readonly reason: string }) => void) | null = null;
  readonly path: string;
  readonly sent: Frame[] = [];
  closedWith: number | undefined;
  private readonly env: FakeEnvironment;

  constructor(env: FakeEnvironment, path: string) {
    this.env = env;
    this.path = path;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Frame);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  /** The server accepts the upgrade. */
  open(): void {
    this.onopen?.();
    this.env.settle();
  }

  say(...frames: Frame[]): void {
    for (const frame of frames) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }
    this.env.settle();
  }

  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
    this.env.settle();
  }

  /** The client's frames since the last time. */
  take(): Frame[] {
    return this.sent.splice(0);
  }

  /** Opens, takes the hello and welcomes. */
  welcome(cursor: number, last = cursor): Frame {
    this.open();
    const hello = this.sent.shift() ?? {};
    this.say(welcome(cursor, last));
    return hello;
  }
}

export class FakeRequest {
  readonly path: string;
  readonly init: RequestInit;
  aborted = false;
  private readonly env: FakeEnvironment;
  private readonly resolve: (response: Response) => void;
  private out: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(env: FakeEnvironment, path: string, init: RequestInit, resolve: (response: Response) => void) {
    this.env = env;
    this.path = path;
    this.init = init;
    this.resolve = resolve;
  }

  get frames(): Frame[] {
    return String(this.init.body)
      .split("\n")
      .map((line) => JSON.parse(line) as Frame);
  }

  async answer(status: number, body = "", headers: Record<string, string> = {}): Promise<void> {
    this.resolve(new Response(status === 202 ? null : body, { status, headers }));
    await this.env.followed();
  }

  /** Answers with a stream that is open. */
  async stream(text: string): Promise<void> {
    const body = new ReadableStream<Uint8Array>({
      start: (out) => {
        this.out = out;
      },
    });
    this.resolve(new Response(body, { status: 200 }));
    await this.write(text);
  }

  async write(text: string): Promise<void> {
    this.out?.enqueue(new TextEncoder().encode(text));
    await this.env.followed();
  }

  async cut(): Promise<void> {
    this.out?.close();
    await this.env.followed();
  }
}

export function welcome(cursor: number, last = cursor): Frame {
  return {
    type: "welcome", session: "s1", connection: "k1", account: "agent-a", cursor, last_sequence: last, heartbeat_ms: 5000, presence: "away", server: { version: "1" },
  };
}

export function message(n: number): Frame {
  return { type: "message", event: "message", agent_sequence: n, message: `m${n}`, conversation: "c1", text: String(n), at: "2026-11-23T09:00:00+08:00" };
}
