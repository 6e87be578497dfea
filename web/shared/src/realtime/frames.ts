/** The frames of the session protocol, version 1: docs/realtime-protocol.md. */

import type { ClientEvidence } from "../evidence";

/** A file of a message, as the API lists it. */
export interface StreamAttachment {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly image: boolean;
  readonly width?: number;
  readonly height?: number;
}

/** One entry of the account's stream. Which members are there depends on the type; a newer server may send other types. */
export interface StreamEvent {
  readonly event: "message" | "notice" | "withdrawn" | "tombstone" | "gap" | "test" | (string & {});
  /** Numbers the entries of the account from 1 without gaps. */
  readonly agent_sequence: number;
  readonly at: string;
  readonly message?: string;
  readonly conversation?: string;
  /** In the conversation. */
  readonly sequence?: number;
  readonly inbox?: string;
  readonly kind?: string;
  readonly text?: string;
  /** What a notice is about, where that has a place of its own: kind and id, such as help/h12. */
  readonly about?: string;
  readonly contact?: string;
  /** The colleague who wrote it, where it is not from the customer. */
  readonly author?: string;
  readonly attachments?: readonly StreamAttachment[];
  readonly attempt?: number;
  /** The client that a test is for: to others it is nothing. */
  readonly client?: string;
  /** The agent_sequence that a withdrawal takes back. */
  readonly withdraws?: number;
  /** The last agent_sequence of a gap. */
  readonly to?: number;
  readonly code?: string;
  readonly reason?: string;
}

export type PresenceValue = "available" | "away" | "dnd" | "offline";

export interface Welcome {
  readonly session: string;
  readonly connection: string;
  readonly account: string;
  readonly cursor: number;
  readonly last_sequence: number;
  readonly heartbeat_ms: number;
  readonly presence: PresenceValue;
  readonly server: { readonly version: string };
}

/** A wish that the server refused. The connection goes on. */
export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly ref?: string;
}

export interface Presence {
  readonly value: PresenceValue;
  readonly reason?: string;
  readonly until?: string;
}

/** Which conversations a client's list shows, by what it is restricted to: never what is searched for. */
export interface ListFilter {
  /** The list that is open. */
  readonly tab?: string;
  readonly inbox?: string;
  readonly kind?: string;
  /** Only those with something unread. */
  readonly unread?: boolean;
  /** Only those that match something typed; not what. */
  readonly search?: boolean;
}

/** What the client reports of itself: all that it knows, each time. Visibility has a frame of its own. */
export interface Report extends Partial<Omit<ClientEvidence, "visible">> {
  /** The client was silenced as a whole: neither sound nor notification. */
  readonly muted?: boolean;
  /** Connections that were lost and made again since the page was loaded. */
  readonly reconnects?: number;
  /** Holes in the sequence of entries that were seen since the page was loaded. */
  readonly gaps?: number;
  /** The client's clock minus the server's. */
  readonly clock_offset_ms?: number;
  readonly filter?: ListFilter;
}

/** The frame in which it is sent. */
export type ReportFrame = { readonly type: "report"; readonly ref?: string } & Report;

/** Somebody asks this client to check itself. */
export interface Asked {
  readonly check: string;
  /** What people call who asks. */
  readonly by: string;
}

/** Close codes of the protocol, and those of WebSocket that matter to it. */
export const Close = {
  normal: 1000,
  goingAway: 1001,
  /** Sent by a client that cannot follow the server. */
  protocol: 1002,
  /** Never sent: the connection broke. */
  abnormal: 1006,
  malformed: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  timeout: 4408,
  sessionEnded: 4409,
  tokenRevoked: 4410,
  tooLarge: 4413,
  tooMany: 4429,
  internal: 4500,
} as const;

const finalCodes: ReadonlySet<number> = new Set([Close.unauthenticated, Close.forbidden, Close.sessionEnded, Close.tokenRevoked]);

/** Says whether a client must not come back by itself after this code. */
export function isFinal(code: number): boolean {
  return finalCodes.has(code);
}

/** Says whether a code can only have come from a server of the protocol. */
export function isFromServer(code: number): boolean {
  return code === Close.goingAway || code >= Close.malformed;
}

/** Any frame from the server, before its type is known. */
export type ServerFrame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Reads a frame; undefined if it is none. */
export function decode(text: string): ServerFrame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isFrame(value) ? value : undefined;
}

function isFrame(value: unknown): value is ServerFrame {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** The agent_sequence up to which an event brings the reader. */
export function lastOf(event: StreamEvent): number {
  return event.event === "gap" ? (event.to ?? event.agent_sequence) : event.agent_sequence;
}
