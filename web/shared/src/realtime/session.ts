import { decode, isFinal, lastOf } from "./frames";
import type { Asked, Presence, PresenceValue, Problem, Report, ServerFrame, StreamEvent, Welcome } from "./frames";

/** RoundTrip is how long the server's answer took, in milliseconds, and by how many this clock is ahead of the server's, where it tells its time. */
export interface RoundTrip {
  readonly ms: number;
  readonly ahead?: number;
}

export type TransportName = "websocket" | "sse";

export interface SessionOptions {
  /** Names this tab: the server keeps a cursor for each. */
  readonly client: string;
  readonly name: string;
  readonly version: string;
  readonly lang: "zh" | "en";
  /** The last entry that this client has shown, where it is known. */
  readonly cursor?: number | undefined;
  /** Be told when conversations change. */
  readonly watch: boolean;
  /** For jitter: from 0 to 1. */
  readonly random: () => number;
}

/** What a frame brought. */
export type Received =
  | { readonly kind: "welcome"; readonly welcome: Welcome }
  | { readonly kind: "event"; readonly event: StreamEvent }
  | { readonly kind: "changed" }
  | { readonly kind: "presence"; readonly presence: Presence; readonly ref?: string }
  | { readonly kind: "pong"; readonly ref: string; readonly trip: RoundTrip }
  | { readonly kind: "asked"; readonly asked: Asked }
  | { readonly kind: "problem"; readonly problem: Problem }
  | { readonly kind: "refused"; readonly entries: readonly number[] }
  | { readonly kind: "nothing" }
  /** The server did what the protocol does not allow, or left something out: close with 1002 and connect again. */
  | { readonly kind: "fault"; readonly text: string };

/** What is to be done after a connection has ended. */
export type Next = { readonly again: true; readonly wait: number } | { readonly again: false };

interface Ack {
  readonly type: "ack";
  readonly received: number;
  readonly seen?: readonly number[];
  readonly accepted?: readonly number[];
  readonly ref: string;
}

const defaultHeartbeat = 5_000;
const deadHeartbeats = 3;
const firstWait = 100;
const lastWait = 5_000;
const mostAcks = 4; // without an answer; what comes meanwhile goes into the next one
const mostNamed = 1_000; // entries seen or accepted in one ack
const watchRef = "watch";
const reportRef = "report";
const drift = 1_000; // ms by which the difference of the clocks has to change to be reported again

const nothing: Received = { kind: "nothing" };

/**
 * The client's side of the session protocol over any number of connections, one after the other, as a state machine without sockets, timers or a clock.
 *
 * For each connection: connect gives the hello; receive takes each frame; handled, seen and accepted say what became of an event; after any call flush gives
 * the frames to send and nextDeadline when to call tick; lost says when to connect again. The Go client in `client` is the same.
 */
export class Session {
  private readonly options: SessionOptions;

  private connected = false;
  private isLive = false;
  private transport: TransportName = "websocket";
  private attempts = 0; // to connect without a welcome
  private heartbeat = defaultHeartbeat;
  private heardAt = 0;
  private sentAt = 0;
  private pingedAt = 0;
  private pingDue = false;
  private askedAt: number | undefined; // when the server was first asked for a sign of life since it gave one

  private known: boolean;
  private delivered: number; // last entry given out by receive
  private position: number; // last entry handled
  private durable = -1; // last entry whose acknowledgement is durable, as far as is known

  private promised = 0; // last entry named as received in an ack of this connection
  private seenEntries: number[] = [];
  private acceptedEntries: number[] = [];
  private acks: Ack[] = []; // without an answer, oldest first
  private lastRef = 0;

  private visible: boolean | undefined;
  private report: Report | undefined; // of the page; undefined: nothing is reported
  private reportDue = false;
  private welcomes = 0;
  private gaps = 0;
  private clockOffset: number | undefined; // this clock minus the server's, as last reported
  private readonly trips = new Map<string, number>(); // when a ping with a ref was asked for
  private wishes: string[] = []; // frames that are sent when the session is live

  constructor(options: SessionOptions) {
    this.options = options;
    this.known = options.cursor !== undefined;
    this.position = options.cursor ?? 0;
    this.delivered = this.position;
  }

  /** The last entry that was handled; undefined while it is not known. */
  get cursor(): number | undefined {
    return this.known ? this.position : undefined;
  }

  /** Names this tab. */
  get client(): string {
    return this.options.client;
  }

  get live(): boolean {
    return this.isLive;
  }

  /** Whether everything handled so far is acknowledged durably. */
  get settled(): boolean {
    return this.durable >= this.position && this.acks.length === 0 && this.seenEntries.length === 0 && this.acceptedEntries.length === 0;
  }

  /** Begins a connection and gives its first frame. */
  connect(transport: TransportName, now: number): string {
    this.connected = true;
    this.isLive = false;
    this.transport = transport;
    this.heardAt = this.sentAt = this.pingedAt = this.askedAt = now;
    this.pingDue = false;
    const { client, name, version, lang } = this.options;
    return JSON.stringify({ type: "hello", protocol: 1, client: { id: client, name, version }, ...(this.known ? { cursor: this.position } : {}), lang });
  }

  /** Takes a frame. After a fault the connection is of no use: close it and call lost. */
  receive(now: number, text: string): Received {
    this.heard(now);
    const f = decode(text);
    if (f === undefined) {
      return fault("a frame is not the JSON of the protocol");
    }
    if (!this.isLive) {
      return this.beforeWelcome(f);
    }
    if (isEvent(f)) {
      return this.event(f);
    }
    switch (f.type) {
      case "acked":
        return this.acked(f);
      case "changed":
        return { kind: "changed" };
      case "presence":
        return { kind: "presence", presence: presenceOf(f), ...refOf(f) };
      case "pong":
        return this.answered(now, f["ref"], f["at"]);
      case "self_check":
        return { kind: "asked", asked: { check: stringOf(f["check"]), by: stringOf(f["by"]) } };
      case "error":
        return this.refused(f);
      default:
        return nothing;
    }
  }

  private beforeWelcome(f: ServerFrame): Received {
    switch (f.type) {
      case "welcome": {
        const welcome = welcomeOf(f);
        if (welcome === undefined) {
          return fault("the welcome cannot be read");
        }
        this.welcome(welcome);
        return { kind: "welcome", welcome };
      }
      case "error":
        return this.refused(f);
      case "pong":
        return nothing;
      default:
        return fault(`${f.type} came before the welcome`);
    }
  }

  /** Takes the server's cursor over: it is ours, or what a client with our id has acknowledged, or, on a server restored from a backup, less. */
  private welcome(w: Welcome): void {
    this.isLive = true;
    this.attempts = 0;
    this.welcomes++;
    this.reportDue = this.report !== undefined;
    this.pingDue ||= this.reportDue; // the answer has the server's time
    if (w.heartbeat_ms > 0) {
      this.heartbeat = w.heartbeat_ms;
    }
    if (!this.known) {
      this.durable = w.cursor;
    }
    if (!this.known || w.cursor !== this.position) {
      this.position = w.cursor;
      this.durable = Math.min(this.durable, w.cursor);
      this.seenEntries = this.seenEntries.filter((n) => n <= w.cursor);
      this.acceptedEntries = this.acceptedEntries.filter((n) => n <= w.cursor);
    }
    this.known = true;
    this.delivered = this.position;
    this.promised = this.durable;
    const first: string[] = [];
    if (this.options.watch) {
      first.push(JSON.stringify({ type: "watch", ref: watchRef }));
    }
    if (this.visible !== undefined) {
      first.push(JSON.stringify({ type: "visibility", visible: this.visible }));
    }
    this.wishes = first;
  }

  private event(f: StreamEvent & ServerFrame): Received {
    const event: StreamEvent = f.event === undefined ? { ...f, event: f.type } : f;
    const last = lastOf(event);
    if (last <= this.delivered) {
      return nothing; // shown before
    }
    if (event.agent_sequence > this.delivered + 1) {
      this.gaps++;
      return fault(`entry ${event.agent_sequence} came after entry ${this.delivered}`);
    }
    this.delivered = last;
    return { kind: "event", event };
  }

  /** Takes the answer to the oldest ack. */
  private acked(f: ServerFrame): Received {
    const oldest = this.acks[0];
    if (oldest === undefined || oldest.ref !== f["ref"]) {
      return fault("an acked answers no ack");
    }
    this.durable = Math.max(this.durable, oldest.received);
    this.acks.shift();
    const entries = numbersOf(f["refused"]);
    return entries.length > 0 ? { kind: "refused", entries } : nothing;
  }

  /** Takes an error. An ack that was refused is not sent again: the answer would be the same. */
  private refused(f: ServerFrame): Received {
    const problem: Problem = { code: stringOf(f["code"]), title: stringOf(f["title"]), detail: stringOf(f["detail"]), ...refOf(f) };
    if (this.acks[0] !== undefined && this.acks[0].ref === problem.ref) {
      this.acks.shift();
    }
    const older = problem.ref === watchRef || (problem.ref === reportRef && problem.code === "realtime.unknown_type"); // it has no hints, or no reports
    return older ? nothing : { kind: "problem", problem };
  }

  /** Takes a sign of life that is no frame. */
  heard(now: number): void {
    this.heardAt = Math.max(this.heardAt, now);
    this.askedAt = undefined;
  }

  /** The application has the event, and all before: it is acknowledged as received and never given out again. */
  handled(event: StreamEvent): void {
    this.position = Math.max(this.position, lastOf(event));
  }

  /** These entries were on a visible screen. */
  seen(entries: readonly number[]): void {
    this.seenEntries.push(...entries.filter((n) => n >= 1 && n <= this.delivered && !this.seenEntries.includes(n)));
  }

  /** Somebody opened these entries or took them up. */
  accepted(entries: readonly number[]): void {
    this.acceptedEntries.push(...entries.filter((n) => n >= 1 && n <= this.delivered && !this.acceptedEntries.includes(n)));
  }

  /** Whether a person can see the window. */
  setVisible(visible: boolean): void {
    if (this.visible === visible) {
      return;
    }
    this.visible = visible;
    if (this.isLive) {
      this.wishes.push(JSON.stringify({ type: "visibility", visible }));
    }
  }

  /** What the page reports from now on; the session adds what it has seen itself. False: it is what was reported before. */
  setReport(report: Report): boolean {
    if (JSON.stringify(report) === JSON.stringify(this.report)) {
      return false;
    }
    this.report = report;
    this.reportDue = true;
    return true;
  }

  private answered(now: number, ref: unknown, at: unknown): Received {
    if (typeof ref !== "string") {
      this.compare(this.pingedAt, now, at);
      return nothing;
    }
    const asked = this.trips.get(ref);
    if (asked === undefined) {
      return nothing;
    }
    this.trips.delete(ref);
    const ahead = this.compare(asked, now, at);
    return { kind: "pong", ref, trip: { ms: now - asked, ...(ahead === undefined ? {} : { ahead }) } };
  }

  /** Compares the clocks by a pong: the server's time is taken for that of the middle between the ping and its answer. Gives by how much this one is ahead. */
  private compare(asked: number, now: number, at: unknown): number | undefined {
    const server = typeof at === "string" ? Date.parse(at) : NaN;
    if (Number.isNaN(server)) {
      return undefined; // an older server
    }
    const offset = Math.round((asked + now) / 2 - server);
    if (this.clockOffset === undefined || Math.abs(offset - this.clockOffset) >= drift) {
      this.clockOffset = offset;
      this.reportDue = this.report !== undefined;
    }
    return offset;
  }

  /** Asks for a presence on a live session and gives the ref of the answer. */
  setPresence(presence: Presence): string {
    const ref = `p${++this.lastRef}`;
    this.wishes.push(JSON.stringify({ type: "presence", ...presence, ref }));
    return ref;
  }

  /** Asks the server for an answer on a live session and gives its ref. */
  roundTrip(now: number): string {
    const ref = `r${++this.lastRef}`;
    this.trips.set(ref, now);
    this.wishes.push(JSON.stringify({ type: "ping", ref }));
    return ref;
  }

  /** Gives the frames to send now. */
  flush(now: number): string[] {
    const frames: string[] = [];
    if (this.isLive) {
      frames.push(...this.wishes.splice(0));
      if (this.reportDue) {
        this.reportDue = false;
        const own = { reconnects: this.welcomes - 1, gaps: this.gaps, ...(this.clockOffset === undefined ? {} : { clock_offset_ms: this.clockOffset }) };
        frames.push(JSON.stringify({ type: "report", ...this.report, ...own, ref: reportRef }));
      }
    }
    while (this.acks.length < mostAcks && this.owes()) {
      frames.push(this.acknowledge());
    }
    if (this.pingDue) {
      this.pingDue = false;
      this.pingedAt = now;
      this.askedAt ??= now;
      frames.push('{"type":"ping"}');
    }
    if (frames.length > 0) {
      this.sentAt = now;
    }
    return frames;
  }

  /** Gives the frames to send before the client closes by itself: all that is not acknowledged yet. */
  goodbye(): string[] {
    const frames: string[] = [];
    while (this.owes()) {
      frames.push(this.acknowledge());
    }
    return frames;
  }

  private owes(): boolean {
    return this.isLive && (this.position > this.promised || this.seenEntries.length > 0 || this.acceptedEntries.length > 0);
  }

  private acknowledge(): string {
    const seen = this.seenEntries.splice(0, mostNamed);
    const accepted = this.acceptedEntries.splice(0, mostNamed);
    const ack: Ack = {
      type: "ack",
      received: this.position,
      ...(seen.length > 0 ? { seen } : {}),
      ...(accepted.length > 0 ? { accepted } : {}),
      ref: `a${++this.lastRef}`,
    };
    this.promised = this.position;
    this.acks.push(ack);
    return JSON.stringify(ack);
  }

  /**
   * Does what is due. False: the server is dead, close the connection and call lost. The server is given up only when a ping had its time too: a hidden
   * tab's timers come late, and a machine sleeps.
   */
  tick(now: number): boolean {
    if (!this.connected) {
      return true;
    }
    if (now >= this.deadAt()) {
      return false;
    }
    if (now >= this.pingAt()) {
      this.pingDue = true;
    }
    return true;
  }

  /** Has the server asked for a sign of life now: the network may have changed. */
  ask(): void {
    this.pingDue ||= this.isLive;
  }

  /** When tick has something to do; undefined for never. */
  nextDeadline(): number | undefined {
    if (!this.connected) {
      return undefined;
    }
    return Math.min(this.deadAt(), this.pingDue ? Infinity : this.pingAt());
  }

  private deadAt(): number {
    return this.askedAt === undefined
      ? Infinity
      : Math.max(this.heardAt + deadHeartbeats * this.heartbeat, this.askedAt + (deadHeartbeats - 1) * this.heartbeat);
  }

  /** After a heartbeat of silence; a client that posts is heard only by what it posts, so there its own silence counts. */
  private pingAt(): number {
    return Math.max(this.transport === "sse" ? this.sentAt : this.heardAt, this.pingedAt) + this.heartbeat;
  }

  /** Ends a connection, or an attempt to make one. What was not acknowledged durably will be acknowledged on the next one. */
  lost(code: number): Next {
    this.connected = this.isLive = false;
    this.wishes = [];
    this.trips.clear();
    this.delivered = this.position;
    this.seenEntries = [...this.acks.flatMap((a) => a.seen ?? []), ...this.seenEntries];
    this.acceptedEntries = [...this.acks.flatMap((a) => a.accepted ?? []), ...this.acceptedEntries];
    this.acks = [];
    if (isFinal(code)) {
      return { again: false };
    }
    const wait = Math.min(firstWait * 2 ** Math.min(this.attempts, 16), lastWait);
    this.attempts++;
    return { again: true, wait: wait / 2 + this.options.random() * (wait / 2) };
  }
}

function fault(text: string): Received {
  return { kind: "fault", text };
}

function isEvent(f: ServerFrame): f is StreamEvent & ServerFrame {
  return typeof f["agent_sequence"] === "number" && f["agent_sequence"] > 0;
}

function welcomeOf(f: ServerFrame): Welcome | undefined {
  const { session, connection, account, cursor, last_sequence, heartbeat_ms, presence, server } = f;
  if (typeof cursor !== "number" || typeof connection !== "string") {
    return undefined;
  }
  const version = typeof server === "object" && server !== null && "version" in server ? stringOf(server.version) : "";
  return {
    session: stringOf(session),
    connection,
    account: stringOf(account),
    cursor,
    last_sequence: typeof last_sequence === "number" ? last_sequence : cursor,
    heartbeat_ms: typeof heartbeat_ms === "number" ? heartbeat_ms : defaultHeartbeat,
    presence: presenceValueOf(presence),
    server: { version },
  };
}

function presenceOf(f: ServerFrame): Presence {
  const { value, reason, until } = f;
  return {
    value: presenceValueOf(value),
    ...(typeof reason === "string" ? { reason } : {}),
    ...(typeof until === "string" ? { until } : {}),
  };
}

function presenceValueOf(value: unknown): PresenceValue {
  return value === "available" || value === "away" || value === "dnd" ? value : "offline";
}

function refOf(f: ServerFrame): { ref?: string } {
  return typeof f["ref"] === "string" ? { ref: f["ref"] } : {};
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numbersOf(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((n): n is number => typeof n === "number") : [];
}
