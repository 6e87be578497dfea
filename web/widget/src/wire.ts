// What the server sends, read with tolerance: members that this widget does not know are ignored, those that are missing get a harmless value, so that
// a page which still holds last month's widget goes on working with this month's server, and the other way round.

export interface Attachment {
  name: string;
  type: string;
  size: number;
  image: boolean;
  width?: number;
  height?: number;
}

export interface Message {
  /** Its place in the visitor's history. Empty while only the answer to our own sending is known. */
  cursor: string;
  /** The id that the visitor's side gave it; answers of agents have none. */
  id: string;
  /** Bida's id, which the addresses of attachments contain. */
  message: string;
  mine: boolean;
  text: string;
  at: number;
  alias: string;
  /** No agent wrote it, but the program. */
  automatic: boolean;
  attachments: Attachment[];
}

export type Status = "none" | "waiting" | "served" | "resolved";

export interface Conversation {
  status: Status;
  alias: string;
  canRate: boolean;
  rated: number;
  /** While it waits: what the server knows about that, as a sentence. */
  notice: string;
}

export interface Limits {
  textBytes: number;
  fileBytes: number;
  files: number;
}

export interface Info {
  title: string;
  open: boolean;
  opensAt: number;
  canReceive: "now" | "later" | "unknown";
  notice: string;
  limits: Limits;
}

export interface History {
  messages: Message[];
  conversation: Conversation;
  cursor: string;
}

export interface Sent {
  message: string;
  at: number;
  waiting: boolean;
  notice: string;
}

/** What holds until the server has said otherwise. */
export const usualLimits: Limits = { textBytes: 16 << 10, fileBytes: 20 << 20, files: 10 };

export const noConversation: Conversation = { status: "none", alias: "", canRate: false, rated: 0, notice: "" };

type Members = Record<string, unknown>;

export function members(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

function count(value: unknown, otherwise = 0): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : otherwise;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function moment(value: unknown): number {
  const at = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? 0 : at;
}

// Characters that turn the direction of writing make a name look like another one: "exe.gnp" with one of them reads "png.exe".
function plain(value: unknown): string {
  return text(value).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
}

function attachment(value: unknown): Attachment {
  const m = members(value);
  const read: Attachment = { name: plain(m.name), type: text(m.type), size: count(m.size), image: m.image === true };
  if (count(m.width) > 0 && count(m.height) > 0) {
    read.width = count(m.width);
    read.height = count(m.height);
  }
  return read;
}

export function message(value: unknown): Message {
  const m = members(value);
  return {
    cursor: text(m.cursor),
    id: text(m.id),
    message: text(m.message),
    mine: m.direction === "in",
    text: text(m.text),
    at: moment(m.at) || Date.now(),
    alias: plain(members(m.agent).alias),
    automatic: m.kind === "auto_reply",
    attachments: list(m.attachments).map(attachment),
  };
}

export function conversation(value: unknown): Conversation {
  const m = members(value);
  const status = m.status;
  return {
    status: status === "waiting" || status === "served" || status === "resolved" ? status : "none",
    alias: plain(members(m.agent).alias),
    canRate: m.can_rate === true,
    rated: count(m.rated),
    notice: text(m.notice),
  };
}

export function history(value: unknown): History {
  const m = members(value);
  return { messages: list(m.messages).map(message), conversation: conversation(m.conversation), cursor: text(m.cursor) };
}

export function info(value: unknown): Info {
  const m = members(value);
  const limits = members(m.limits);
  return {
    title: plain(m.title),
    open: m.open !== false,
    opensAt: moment(m.opens_at),
    canReceive: m.can_receive === "now" || m.can_receive === "later" ? m.can_receive : "unknown",
    notice: text(m.notice),
    limits: {
      textBytes: count(limits.text_bytes, usualLimits.textBytes),
      fileBytes: count(limits.file_bytes, usualLimits.fileBytes),
      files: count(limits.files, usualLimits.files),
    },
  };
}

export function sent(value: unknown): Sent {
  const m = members(value);
  return { message: text(m.message), at: moment(m.at) || Date.now(), waiting: m.waiting === true, notice: text(m.notice) };
}

/** newer says whether cursor a stands behind b. Cursors are decimal numbers of any length; "" is before all. */
export function newer(a: string, b: string): boolean {
  return a.length !== b.length ? a.length > b.length : a > b;
}
