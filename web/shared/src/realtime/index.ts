export { RealtimeClient, RefusedError } from "./client";
export type { RealtimeEvents, RealtimeOptions, Reconnected, Status } from "./client";
export type { Environment } from "./environment";
export { Close } from "./frames";
export type { Asked, ListFilter, Presence, PresenceValue, Problem, Report, StreamAttachment, StreamEvent, Welcome } from "./frames";
export type { RoundTrip, TransportName } from "./session";
