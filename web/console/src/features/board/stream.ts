import { useSyncExternalStore } from "react";
import { ApiError, ask, type Schemas } from "@bida/shared/api";
import { api } from "../../app/api";
import { after, changedColumns, type Board, type Column, type Row, type Told } from "./model";

export type Trip = Schemas["BoardTrip"];

/** What the page shows, and how fresh it is. */
export interface Seen {
  readonly board: Board | undefined;
  /** live: the stream was heard a moment ago. lost: it is being tried again. ended: it will not go on by itself. */
  readonly state: "connecting" | "live" | "lost" | "ended";
  /** When the server was last heard, by this browser's clock; 0 for never. */
  readonly heard: number;
  /** How connections are, by id. */
  readonly trips: ReadonlyMap<string, Trip>;
  readonly error: unknown;
}

/** Of a stream that is alive something is heard every five seconds. */
const silence = 13_000;

let seen: Seen = { board: undefined, state: "connecting", heard: 0, trips: new Map(), error: undefined };
let source: EventSource | undefined;
let watch: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** Which columns of a row are new with it, and since when: for the short fade. */
const fresh = new WeakMap<Row, { readonly columns: ReadonlySet<Column>; readonly at: number }>();

export function freshIn(row: Row): { readonly columns: ReadonlySet<Column>; readonly at: number } | undefined {
  return fresh.get(row);
}

function set(change: Partial<Seen>): void {
  seen = { ...seen, ...change };
  for (const tell of listeners) tell();
}

function take(told: Told): void {
  const before = seen.board;
  const board = after(before, told);
  if (before && !told.reset) {
    for (const row of told.rows) {
      const was = before.rows.get(row.agent);
      if (was) fresh.set(row, { columns: changedColumns(was, row), at: Date.now() });
    }
  }
  set({ board, state: "live", heard: Date.now(), error: undefined });
}

function open(): void {
  source?.close();
  const s = new EventSource("/api/v1/board/stream");
  source = s;
  const hear = (name: string, use: (data: string) => void): void => s.addEventListener(name, (e: MessageEvent<string>) => source === s && use(e.data));
  hear("board", (data) => take(JSON.parse(data) as Told));
  hear("pulse", (data) => {
    const pulse = JSON.parse(data) as Schemas["BoardPulse"];
    const trips = pulse.connections === undefined ? seen.trips : new Map([...seen.trips, ...Object.entries(pulse.connections)]);
    set({ state: "live", heard: Date.now(), trips, ...(seen.board ? { board: { ...seen.board, head: { ...seen.board.head, position: pulse.position, at: pulse.at } } } : {}) });
  });
  hear("end", () => {
    s.close();
    void why();
  });
  s.addEventListener("error", () => {
    if (source !== s) return;
    if (s.readyState === EventSource.CLOSED) void why();
    else set({ state: "lost" });
  });
}

/** why asks for the board in the ordinary way, whose refusals have words; where it is there after all, the stream is tried again. */
async function why(): Promise<void> {
  set({ state: "lost" });
  try {
    await ask(api.GET("/board"));
    setTimeout(() => listeners.size > 0 && open(), 2_000);
  } catch (error) {
    const passing = error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
    set({ state: passing ? "lost" : "ended", error });
    if (passing) setTimeout(() => listeners.size > 0 && open(), 3_000);
  }
}

export function again(): void {
  set({ state: "connecting", error: undefined });
  open();
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  if (listeners.size === 1) {
    open();
    watch = setInterval(() => {
      if (seen.state === "live" && Date.now() - seen.heard > silence) {
        set({ state: "lost" });
        open();
      }
    }, 2_000);
  }
  return () => {
    listeners.delete(tell);
    if (listeners.size > 0) return;
    source?.close();
    source = undefined;
    clearInterval(watch);
    seen = { board: undefined, state: "connecting", heard: 0, trips: new Map(), error: undefined };
  };
}

/** useBoard is the board as it stands, for as long as it is shown. */
export function useBoard(): Seen {
  return useSyncExternalStore(subscribe, () => seen);
}
