/** What a client can tell of how it reaches its person, and nothing about the person: docs/realtime-protocol.md, "Reports". */

export type Notifications = "granted" | "denied" | "default" | "unsupported";

/** on: it would be heard. off: the person turned it off. blocked: the browser plays nothing before the page was touched. */
export type Sound = "on" | "off" | "blocked" | "unsupported";

/** tab: an ordinary one. installed: a window of its own. embedded: in another page or app. */
export type Mode = "tab" | "installed" | "embedded";

/** Whether the browser keeps what the page gives it. */
export type Storage = "ok" | "full" | "denied";

export interface ClientEvidence {
  /** The browser's permission for desktop notifications; default: nobody was asked yet. */
  readonly notifications: Notifications;
  /** Whether the page came over a connection that the browser trusts: others get no notifications. */
  readonly secure: boolean;
  readonly sound: Sound;
  /** Name and major version, such as "Chrome 156"; "" if the browser does not say. */
  readonly browser: string;
  readonly mode: Mode;
  readonly storage: Storage;
  /** Whether a person can see the page. */
  readonly visible: boolean;
}
