import { openStream, openWebSocket } from "./carrier";
import type { Carrier, CarrierEvents, End } from "./carrier";
import { browser } from "./environment";
import type { Environment } from "./environment";
import { Close, lastOf } from "./frames";
import type { Asked, Presence, Problem, Report, StreamEvent, Welcome } from "./frames";
import { Session } from "./session";
import type { RoundTrip, TransportName } from "./session";

export interface RealtimeOptions {
  /** The account that is signed in: the tab keeps a cursor for each. */
  readonly account: string;
  /** Of this program; shown in the diagnosis. */
  readonly name: string;
  readonly version: string;
  readonly lang: "zh" | "en";
  /** Be told when conversations change; true if it is left out. */
  readonly watch?: boolean;
  readonly environment?: Environment;
}

/** How the connection fares. */
export interface Status {
  /**
   * connecting: the first attempt, or another one after some time offline. catching_up: welcomed, and entries are missing still. live: everything is here.
   * offline: not connected; another attempt follows at retryAt. ended: no further attempt, see code and reason. idle: not started, or stopped.
   */
  readonly state: "idle" | "connecting" | "catching_up" | "live" | "offline" | "ended";
  /** Since when it has been so, in milliseconds; attempts in between do not count as a change from offline. */
  readonly since: number;
  readonly transport: TransportName;
  /** When the next attempt is made: offline. */
  readonly retryAt?: number;
  /** How many entries came after the last welcome before everything was here. */
  readonly caughtUp: number;
  /** Why the last connection ended: its close code, and the server's words. */
  readonly code?: number;
  readonly reason?: string;
}

export interface RealtimeEvents {
  /** An entry of the stream: each once, in order. */
  event: StreamEvent;
  /** The connection fares differently. */
  status: Status;
  /** Conversations may have changed: read again what is shown. Comes after each welcome too, since hints are not repeated. */
  changed: undefined;
  /** A session begins on a new connection. */
  welcome: Welcome;
  /** A presence was recorded by this client. */
  presence: Presence;
  /** Entries that were acknowledged as seen or accepted, and had been withdrawn before. */
  refused: readonly number[];
  /** A wish that the server refused, other than a presence. */
  problem: Problem;
  /** Somebody asks this client to check itself. */
  asked: Asked;
}

/** What came of closing the connection and making another one. */
export interface Reconnected {
  /** From the closing until everything was here again. */
  readonly ms: number;
  /** The server went on where this client was, and nothing was missing. */
  readonly whole: boolean;
}

/** Why a presence was not set. */
export class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
    this.name = "RefusedError";
  }
}

type Listener<K extends keyof RealtimeEvents> = (value: RealtimeEvents[K]) => void;
type Listeners = { [K in keyof RealtimeEvents]: Set<Listener<K>> };

interface Pending<T = void> {
  resolve(value: T): void;
  reject(error: RefusedError): void;
}

const failuresUntilStream = 2; // in a row, without a welcome
const streamFor = 10 * 60_000; // before WebSocket is tried again where it did not work
const gathering = 300; // ms in which changes of a report come together
const longestWait = 60_000; // that a server's Retry-After is heeded

/**
 * Receives the account's stream over any number of connections. It begins with WebSocket and goes on with server-sent events where that cannot be had, comes
 * back by itself, hands each entry to the listeners once and in order, and acknowledges what it has handed over. docs/realtime-protocol.md says what is
 * promised.
 */
export class RealtimeClient {
  private readonly env: Environment;
  private readonly account: string;
  private readonly session: Session;
  private readonly listeners: Listeners = {
    event: new Set(), status: new Set(), changed: new Set(), welcome: new Set(), presence: new Set(), refused: new Set(), problem: new Set(),
    asked: new Set(),
  };
  private readonly presences = new Map<string, Pending>();
  private readonly trips = new Map<string, Pending<RoundTrip>>();

  private current: Status;
  private carrier: Carrier | undefined;
  private attempt = 0; // which connection the carrier is: what an earlier one tells does not count
  private running = false;
  private target = 0; // last_sequence of the welcome
  private resumedAt = 0; // its cursor
  private flushing = false;
  private gathers = false;
  private failures = 0; // of WebSocket, in a row, without a welcome
  private streamUntil = 0;
  private cancelTimer: (() => void) | undefined;
  private stopListening: (() => void)[] = [];

  constructor(options: RealtimeOptions) {
    this.env = options.environment ?? browser();
    this.account = options.account;
    this.session = new Session({
      client: this.tab(),
      name: options.name,
      version: options.version,
      lang: options.lang,
      cursor: this.keptCursor(),
      watch: options.watch ?? true,
      random: () => this.env.random(),
    });
    this.current = { state: "idle", since: this.env.now(), transport: "websocket", caughtUp: 0 };
  }

  get status(): Status {
    return this.current;
  }

  /** Calls a listener for what happens from now on; the result ends that. */
  on<K extends keyof RealtimeEvents>(name: K, listener: Listener<K>): () => void {
    this.listeners[name].add(listener);
    return () => void this.listeners[name].delete(listener);
  }

  /** Connects, and stays connected until stop or until the server ends the session for good. Starting twice is once. */
  start(): void {
    if (this.running) {
      return;
    }
    this.running = true;
    const look = (): void => {
      this.session.setVisible(this.env.visible());
      if (this.env.visible()) {
        this.retryNow();
      }
      this.act();
    };
    this.session.setVisible(this.env.visible());
    this.stopListening = [this.env.onVisibility(look), this.env.onOnline(() => this.retryNow())];
    this.connect();
  }

  /** Says goodbye and stays away. It may be started again. */
  stop(): void {
    this.leave();
    this.change({ state: "idle" });
  }

  /** Makes the next attempt now, if one is being waited for; if there is a connection, asks whether it is still good. */
  retryNow(): void {
    if (!this.running) {
      return;
    }
    if (this.carrier === undefined) {
      this.connect();
    } else {
      this.session.ask();
      this.act();
    }
  }

  /** These entries were on a visible screen. */
  seen(entries: readonly number[]): void {
    this.session.seen(entries);
    this.flushSoon();
  }

  /** Somebody opened these entries or took them up: of a message, its conversation is accepted. */
  accepted(entries: readonly number[]): void {
    this.session.accepted(entries);
    this.flushSoon();
  }

  /** Sets the person's presence; resolves when it is recorded, and rejects with a RefusedError when it is not, or not known to be. */
  setPresence(presence: Presence): Promise<void> {
    if (!this.session.live) {
      return Promise.reject(new RefusedError("realtime.offline", "not connected"));
    }
    const ref = this.session.setPresence(presence);
    this.flushSoon();
    return new Promise((resolve, reject) => this.presences.set(ref, { resolve, reject }));
  }

  /** Tells the server how the page reaches its person, after each welcome and when it changes. */
  report(report: Report): void {
    if (!this.session.setReport(report) || this.gathers) {
      return;
    }
    this.gathers = true;
    this.env.after(gathering, () => {
      this.gathers = false;
      this.flush();
    });
  }

  /** Names this tab to the server. */
  get client(): string {
    return this.session.client;
  }

  /** Asks the server for an answer, and resolves when it came; rejects with a RefusedError if the connection is not there, or is lost. */
  roundTrip(): Promise<RoundTrip> {
    if (!this.session.live) {
      return Promise.reject(new RefusedError("realtime.offline", "not connected"));
    }
    const ref = this.session.roundTrip(this.env.now());
    this.flushSoon();
    return new Promise((resolve, reject) => this.trips.set(ref, { resolve, reject }));
  }

  /** Closes the connection as it would break, makes another one at once, and resolves when everything is here again; rejects if there was none. */
  reconnect(): Promise<Reconnected> {
    const carrier = this.carrier;
    if (!this.session.live || carrier === undefined) {
      return Promise.reject(new RefusedError("realtime.offline", "not connected"));
    }
    const began = this.env.now();
    const cursor = this.session.cursor;
    carrier.send(this.session.goodbye());
    carrier.close(Close.normal);
    this.carrier = undefined;
    this.attempt++;
    this.failPending();
    this.session.lost(Close.normal);
    return new Promise((resolve, reject) => {
      let gap = false;
      const stops = [
        this.on("event", (e) => (gap ||= e.event === "gap")),
        this.on("status", (s) => {
          if (s.state !== "live" && s.state !== "ended" && s.state !== "idle") return;
          for (const stop of stops) stop();
          if (s.state === "live") resolve({ ms: this.env.now() - began, whole: !gap && this.resumedAt === cursor });
          else reject(new RefusedError("realtime.offline", s.reason ?? "not connected"));
        }),
      ];
      this.connect();
    });
  }

  private connect(): void {
    this.cancelTimer?.();
    const transport = this.env.now() < this.streamUntil || this.failures >= failuresUntilStream ? "sse" : "websocket";
    this.change({ state: "connecting", transport });
    const number = ++this.attempt;
    const on: CarrierEvents = {
      opened: () => this.mine(number, () => this.opened()),
      frame: (text) => this.mine(number, () => this.frame(text)),
      alive: () => this.mine(number, () => this.alive()),
      ended: (end) => this.mine(number, () => this.ended(end)),
    };
    try {
      this.carrier = (transport === "sse" ? openStream : openWebSocket)(this.env, on);
    } catch (error) { // the page may open no WebSocket at all
      this.failures = failuresUntilStream;
      this.ended({ code: Close.abnormal, reason: String(error), fromBida: false });
    }
  }

  /** Does something unless it comes from a connection that is over. */
  private mine(number: number, f: () => void): void {
    if (number === this.attempt && this.running) {
      f();
    }
  }

  private opened(): void {
    const carrier = this.carrier;
    if (carrier !== undefined) {
      carrier.send([this.session.connect(carrier.transport, this.env.now())]);
      this.act();
    }
  }

  private alive(): void {
    this.session.heard(this.env.now());
    this.act(); // a hidden tab's timers are slow; what comes in is not
  }

  private frame(text: string): void {
    const received = this.session.receive(this.env.now(), text);
    switch (received.kind) {
      case "welcome":
        this.welcomed(received.welcome);
        break;
      case "event":
        this.handle(received.event);
        break;
      case "changed":
        this.emit("changed", undefined);
        break;
      case "presence":
        this.presences.get(received.ref ?? "")?.resolve();
        this.presences.delete(received.ref ?? "");
        this.emit("presence", received.presence);
        break;
      case "pong":
        this.trips.get(received.ref)?.resolve(received.trip);
        this.trips.delete(received.ref);
        break;
      case "asked":
        this.emit("asked", received.asked);
        break;
      case "problem":
        this.refused(received.problem);
        break;
      case "refused":
        this.emit("refused", received.entries);
        break;
      case "fault":
        this.give(Close.protocol, received.text);
        return;
      case "nothing":
        break;
    }
    this.flushSoon();
    this.plan();
  }

  private welcomed(welcome: Welcome): void {
    this.failures = 0;
    this.streamUntil = this.carrier?.transport === "sse" ? this.env.now() + streamFor : 0;
    this.keepCursor();
    this.target = welcome.last_sequence;
    this.resumedAt = welcome.cursor;
    this.change({ state: welcome.last_sequence > welcome.cursor ? "catching_up" : "live", caughtUp: 0 });
    this.emit("welcome", welcome);
    this.emit("changed", undefined);
  }

  private handle(event: StreamEvent): void {
    this.emit("event", event);
    this.session.handled(event);
    this.keepCursor();
    if (this.current.state !== "catching_up") {
      return;
    }
    const caughtUp = this.current.caughtUp + 1;
    this.change({ state: lastOf(event) >= this.target ? "live" : "catching_up", caughtUp });
  }

  private refused(problem: Problem): void {
    const pending = this.presences.get(problem.ref ?? "");
    if (pending === undefined) {
      this.emit("problem", problem);
      return;
    }
    this.presences.delete(problem.ref ?? "");
    pending.reject(new RefusedError(problem.code, problem.title));
  }

  /** Gives a connection up. */
  private give(code: number, reason: string): void {
    this.carrier?.close(code);
    this.ended({ code: Close.abnormal, reason, fromBida: this.session.live });
  }

  private ended(end: End): void {
    const welcomed = this.session.live;
    const transport = this.carrier?.transport ?? this.current.transport;
    this.carrier = undefined;
    this.attempt++;
    this.cancelTimer?.();
    this.failPending();
    if (transport === "websocket") {
      this.failures += welcomed || end.fromBida ? 0 : 1;
    } else if (!welcomed && !end.fromBida) { // neither works: begin anew with WebSocket
      this.failures = 0;
      this.streamUntil = 0;
    }
    const next = this.session.lost(end.code);
    if (!next.again) {
      this.leave();
      this.change({ state: "ended", code: end.code, reason: end.reason });
      return;
    }
    const wait = Math.max(next.wait, Math.min(end.retryAfter ?? 0, longestWait));
    this.change({ state: "offline", retryAt: this.env.now() + wait, code: end.code, reason: end.reason });
    this.cancelTimer = this.env.after(wait, () => this.connect());
  }

  private failPending(): void {
    for (const pending of [...this.presences.values(), ...this.trips.values()]) {
      pending.reject(new RefusedError("realtime.offline", "the connection was lost"));
    }
    this.presences.clear();
    this.trips.clear();
  }

  /** Ends the connection and everything that would lead to another one. */
  private leave(): void {
    this.running = false;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.attempt++;
    for (const f of this.stopListening.splice(0)) {
      f();
    }
    if (this.carrier !== undefined) {
      this.carrier.send(this.session.goodbye());
      this.carrier.close(Close.normal);
      this.carrier = undefined;
      this.session.lost(Close.normal);
    }
    this.failPending();
  }

  /** Sends what there is to send when the running task is done, so that what belongs together goes together. */
  private flushSoon(): void {
    if (this.flushing) {
      return;
    }
    this.flushing = true;
    this.env.soon(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.carrier === undefined) {
      return;
    }
    const frames = this.session.flush(this.env.now());
    if (frames.length > 0) {
      this.carrier.send(frames);
      this.plan();
    }
  }

  /** Does what is due, and plans for what comes next. */
  private act(): void {
    if (this.carrier === undefined) {
      return;
    }
    if (!this.session.tick(this.env.now())) {
      this.give(Close.goingAway, "nothing was heard from the server");
      return;
    }
    this.flush();
    this.plan();
  }

  private plan(): void {
    const next = this.session.nextDeadline();
    if (this.carrier === undefined || next === undefined) {
      return;
    }
    this.cancelTimer?.();
    this.cancelTimer = this.env.after(Math.max(0, next - this.env.now()), () => this.act());
  }

  private change(to: Partial<Status> & Pick<Status, "state">): void {
    const was = this.current;
    const { retryAt: _, code, reason, ...rest } = was;
    const keepsWhy = to.state === "connecting" || to.state === "offline";
    this.current = {
      ...rest,
      ...(keepsWhy && code !== undefined ? { code } : {}),
      ...(keepsWhy && reason !== undefined ? { reason } : {}),
      ...to,
      since: away(was.state) && away(to.state) || was.state === to.state ? was.since : this.env.now(),
    };
    this.emit("status", this.current);
  }

  private emit<K extends keyof RealtimeEvents>(name: K, value: RealtimeEvents[K]): void {
    for (const listener of [...this.listeners[name]]) {
      try {
        listener(value);
      } catch (error) { // a fault of a view must not keep messages from the others
        this.env.report(error);
      }
    }
  }

  /** The id of this tab, which lives as long as the tab. A tab that was duplicated gets its own: two with one id would share a cursor. */
  private tab(): string {
    const key = "bida.realtime.tab";
    const kept = this.env.copied ? null : this.env.keep.getItem(key);
    if (kept !== null && /^tab-[0-9a-z]{8,32}$/.test(kept)) {
      return kept;
    }
    const fresh = `tab-${part(this.env.random())}${part(this.env.random())}`;
    this.env.keep.setItem(key, fresh);
    return fresh;
  }

  private keptCursor(): number | undefined {
    const text = this.env.keep.getItem(this.cursorKey());
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  private keepCursor(): void {
    const cursor = this.session.cursor;
    if (cursor !== undefined) {
      this.env.keep.setItem(this.cursorKey(), String(cursor));
    }
  }

  private cursorKey(): string {
    return `bida.realtime.cursor.${this.account}`;
  }
}

function away(state: Status["state"]): boolean {
  return state === "connecting" || state === "offline";
}

/** Eight characters of a random number. */
function part(random: number): string {
  return Math.floor(random * 36 ** 8).toString(36).padStart(8, "0");
}
