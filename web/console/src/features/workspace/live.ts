import { useCallback, useSyncExternalStore } from "react";
import { ApiError, ask } from "@bida/shared/api";
import { RealtimeClient, type Status, type StreamEvent } from "@bida/shared/realtime";
import { api, queries } from "../../app/api";
import { preferences } from "../../app/preferences";
import { clientName, clientVersion } from "../../app/version";
import { Deliveries } from "./deliveries";
import { Drafts } from "./drafts";
import { Outbox, type Outgoing, type Sent } from "./outbox";
import { notify } from "./notify";
import { reporting } from "./report";
import { chime } from "./sound";

/** What a tab keeps running while its person is signed in: the connection, the messages on their way, what is to be acknowledged. */
export interface Live {
  readonly account: string;
  readonly realtime: RealtimeClient;
  readonly outbox: Outbox;
  readonly deliveries: Deliveries;
}

/** Drafts outlive sign-ins. */
export const drafts = new Drafts(localStorage);

let live: Live | undefined;
let end: (() => void) | undefined;
const listeners = new Set<() => void>();
const notices = new Set<(e: StreamEvent) => void>();

/** beginLive connects an account; the same one again changes nothing. */
export function beginLive(account: string): void {
  if (live?.account === account) {
    live.outbox.start();
    live.realtime.start();
    return;
  }
  endLive();
  const realtime = new RealtimeClient({ account, name: clientName, version: clientVersion(), lang: preferences().language });
  const outbox = new Outbox({
    account, keep: localStorage, send, now: () => Date.now(),
    after: (ms, f) => {
      const timer = setTimeout(f, ms);
      return () => clearTimeout(timer);
    },
  });
  const deliveries = new Deliveries(account, sessionStorage);
  live = { account, realtime, outbox, deliveries };
  const hear = (e: StorageEvent): void => {
    drafts.changedElsewhere(e.key);
    if (e.key === null || e.key === `bida.outbox.${account}`) outbox.changedElsewhere();
  };
  const online = (): void => outbox.retryNow();
  const stops = [
    realtime.on("event", (e) => {
      if (e.event === "test") return; // of a self-check: it looks for its own
      deliveries.handle(e);
      if (e.event === "message" && e.kind !== "internal" && e.kind !== "auto_reply") {
        chime(e.conversation ?? "");
        notify(e.conversation ?? "");
      }
      if (e.event === "notice") for (const tell of notices) tell(e);
      if (e.event !== "message") for (const key of ["me", "announcements"]) reread([key], 300);
    }),
    realtime.on("refused", (entries) => deliveries.refused(entries)),
    realtime.on("changed", () => {
      for (const key of ["conversations", "conversation", "thread"]) reread([key], 400);
      reread(["me"], 3_000);
      reread(["receivers"], 3_000);
    }),
    realtime.on("welcome", () => outbox.retryNow()),
    reporting(realtime),
    realtime.on("asked", (asked) => void import("../selfcheck/run").then((m) => live && m.answer(live, asked), () => undefined)), // who asks is told that nothing was said
    realtime.on("status", (s) => {
      if (s.state === "ended") reread(["me"], 0); // who is signed out is led to the sign-in page
      tell();
    }),
  ];
  window.addEventListener("storage", hear);
  window.addEventListener("online", online);
  end = () => {
    for (const stop of stops) stop();
    window.removeEventListener("storage", hear);
    window.removeEventListener("online", online);
    realtime.stop();
    outbox.stop();
  };
  outbox.start();
  realtime.start();
  tell();
}

/** endLive disconnects. What is on its way waits for the next sign-in. */
export function endLive(): void {
  end?.();
  end = undefined;
  live = undefined;
  tell();
}

function tell(): void {
  for (const f of listeners) f();
}

function subscribe(f: () => void): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

export function useLive(): Live | undefined {
  return useSyncExternalStore(subscribe, () => live);
}

const idle: Status = { state: "idle", since: 0, transport: "websocket", caughtUp: 0 };

export function useStatus(): Status {
  return useSyncExternalStore(subscribe, () => live?.realtime.status ?? idle);
}

const nothing: readonly Outgoing[] = [];

export function useOutbox(): readonly Outgoing[] {
  const box = useLive()?.outbox;
  return useSyncExternalStore(useCallback((f: () => void) => box?.subscribe(f) ?? (() => undefined), [box]), () => box?.list() ?? nothing);
}

/** onNotice is told of notices to the person, such as a change of the reception settings. */
export function onNotice(f: (e: StreamEvent) => void): () => void {
  notices.add(f);
  return () => notices.delete(f);
}

const due = new Map<string, ReturnType<typeof setTimeout>>();
const readAt = new Map<string, number>();

/** reread has what is shown read again: at once, and then not more often than each so many milliseconds, however often it is asked for. */
function reread(key: readonly string[], every: number): void {
  const name = key.join(" ");
  if (due.has(name)) return;
  const read = (): void => {
    due.delete(name);
    readAt.set(name, Date.now());
    void queries.invalidateQueries({ queryKey: key });
  };
  const wait = (readAt.get(name) ?? 0) + every - Date.now();
  if (wait <= 0) read(); // not by a timer, which a hidden tab would slow down
  else due.set(name, setTimeout(read, wait));
}

async function send(item: Outgoing): Promise<Sent> {
  const params = { path: { id: item.conversation } };
  const attachments = item.files.length > 0 ? { attachments: item.files.map((f) => f.id) } : {};
  try {
    const answer = item.mode === "note"
      ? await ask(api.POST("/conversations/{id}/notes", { params, body: { id: item.id, text: item.text, ...(item.mentions.length > 0 ? { mentions: [...item.mentions] } : {}), ...attachments } }))
      : await ask(api.POST("/conversations/{id}/replies", { params, body: { id: item.id, text: item.text, ...attachments } }));
    reread(["thread", item.conversation], 0);
    reread(["conversations"], 400);
    return { kind: "sent", message: answer.message };
  } catch (error) {
    if (!(error instanceof ApiError)) return { kind: "refused", reason: String(error) };
    if (error.status === 401) return { kind: "signed_out" };
    if (error.status === 0 || error.status === 429 || error.status >= 500) return { kind: "again", reason: error.message, after: error.retryAfter * 1000 };
    // Whoever comes back after a while is not connected again yet when the first answer goes out: that is over with the welcome, which tries it again.
    if (error.code.startsWith("connection.")) return { kind: "again", reason: error.message };
    return { kind: "refused", reason: error.message };
  }
}
