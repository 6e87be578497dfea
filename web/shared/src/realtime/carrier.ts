import type { Environment, SocketLike } from "./environment";
import { EventParser } from "./events";
import type { ServerSentEvent } from "./events";
import { Close, isFromServer } from "./frames";
import type { TransportName } from "./session";

/** How a connection ended. */
export interface End {
  readonly code: number;
  readonly reason: string;
  /** Bida itself said so, and not something in between. */
  readonly fromBida: boolean;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter?: number;
}

/** What a connection tells. After ended it tells nothing more. */
export interface CarrierEvents {
  /** Frames may be sent; the first is the hello. */
  opened(): void;
  frame(text: string): void;
  /** A sign of life that is no frame. */
  alive(): void;
  ended(end: End): void;
}

/** A connection that carries frames. */
export interface Carrier {
  readonly transport: TransportName;
  send(frames: readonly string[]): void;
  /** Ends the connection after what was sent. Nothing is told any more. */
  close(code: number): void;
}

const realtimePath = "/api/v1/realtime";
const streamPath = `${realtimePath}/stream`;
const openTime = 4_000; // for the first event of a stream
const socketTime = 10_000; // for the upgrade
const postTime = 10_000;
const longestPost = 128 * 1024; // characters of frames posted together

/** Opens a WebSocket. Throws where the page may not. */
export function openWebSocket(env: Environment, on: CarrierEvents): Carrier {
  return new WebSocketCarrier(env, on);
}

/** Opens a stream of server-sent events, with posts the other way. */
export function openStream(env: Environment, on: CarrierEvents): Carrier {
  return new StreamCarrier(env, on);
}

class WebSocketCarrier implements Carrier {
  readonly transport = "websocket";
  private readonly socket: SocketLike;
  private readonly on: CarrierEvents;
  private readonly notLate: () => void;
  private over = false;

  constructor(env: Environment, on: CarrierEvents) {
    this.on = on;
    this.socket = env.openSocket(realtimePath);
    this.notLate = env.after(socketTime, () => {
      this.end({ code: Close.abnormal, reason: "the upgrade was not answered", fromBida: false });
      this.socket.close();
    });
    this.socket.onopen = () => {
      this.notLate();
      if (!this.over) {
        on.opened();
      }
    };
    this.socket.onmessage = (message) => {
      if (!this.over && typeof message.data === "string") {
        on.frame(message.data);
      }
    };
    this.socket.onclose = ({ code, reason }) => this.end({ code, reason, fromBida: isFromServer(code) });
  }

  private end(end: End): void {
    if (!this.over) {
      this.over = true;
      this.notLate();
      this.on.ended(end);
    }
  }

  send(frames: readonly string[]): void {
    for (const frame of frames) {
      this.socket.send(frame);
    }
  }

  close(code: number): void {
    this.over = true;
    this.notLate();
    // A page may send 1000 and its own codes only; what the server reads in the others it sees from the cut as well.
    this.socket.close(code === Close.normal ? code : undefined);
  }
}

class StreamCarrier implements Carrier {
  readonly transport = "sse";
  private readonly env: Environment;
  private readonly on: CarrierEvents;
  private readonly abort = new AbortController();
  private readonly notLate: () => void;
  private stream = "";
  private over = false;
  private leaving = false;
  private posting = false;
  private posted = 0;
  private waiting: string[] = [];

  constructor(env: Environment, on: CarrierEvents) {
    this.env = env;
    this.on = on;
    this.notLate = env.after(openTime, () => this.fail("the stream was not opened in time"));
    void this.read();
  }

  private end(end: End): void {
    if (!this.over) {
      this.over = true;
      this.notLate();
      this.abort.abort();
      this.on.ended(end);
    }
  }

  private fail(reason: string): void {
    this.end({ code: Close.abnormal, reason, fromBida: false });
  }

  private async read(): Promise<void> {
    try {
      const response = await this.env.fetch(streamPath, {
        headers: { Accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: this.abort.signal,
      });
      if (response.status !== 200 || response.body === null) {
        this.end(await refusalOf(response));
        return;
      }
      const parser = new EventParser((e) => this.event(e), () => this.alive());
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        parser.push(decoder.decode(piece.value, { stream: true }));
      }
      this.fail("the stream ended without a word");
    } catch (error) {
      this.fail(String(error));
    }
  }

  private alive(): void {
    if (!this.over) {
      this.on.alive();
    }
  }

  private event(e: ServerSentEvent): void {
    if (this.over) {
      return;
    }
    if (this.stream === "") {
      const name = e.name === "open" ? memberOf(e.data, "stream") : undefined;
      if (typeof name !== "string" || name === "") {
        this.fail("the stream begins without its name");
        return;
      }
      this.stream = name;
      this.notLate();
      this.on.opened();
    } else if (e.name === "") {
      this.on.frame(e.data);
    } else if (e.name === "close") {
      const code = memberOf(e.data, "code");
      const reason = memberOf(e.data, "reason");
      this.end({
        code: typeof code === "number" ? code : Close.abnormal,
        reason: typeof reason === "string" ? reason : "",
        fromBida: typeof code === "number",
      });
    }
  }

  send(frames: readonly string[]): void {
    this.waiting.push(...frames);
    void this.post();
  }

  /** Posts what waits, one post after the other: the order of posts is the order of frames. */
  private async post(): Promise<void> {
    if (this.posting) {
      return;
    }
    this.posting = true;
    while (this.waiting.length > 0 && (!this.over || this.leaving)) {
      const problem = await this.postOnce(this.together());
      if (problem !== undefined) {
        this.leaving = false;
        this.abort.abort();
        this.end(problem);
        return;
      }
    }
    this.posting = false;
    if (this.leaving) {
      this.abort.abort();
    }
  }

  private together(): string {
    let length = 0;
    let n = 0;
    while (n < this.waiting.length && (n === 0 || length + (this.waiting[n] ?? "").length < longestPost)) {
      length += (this.waiting[n] ?? "").length + 1;
      n++;
    }
    return this.waiting.splice(0, n).join("\n");
  }

  private async postOnce(body: string): Promise<End | undefined> {
    const abort = new AbortController();
    const inTime = this.env.after(postTime, () => abort.abort());
    const stop = (): void => abort.abort();
    this.abort.signal.addEventListener("abort", stop);
    try {
      const response = await this.env.fetch(`${streamPath}/${this.stream}?n=${++this.posted}`, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/x-ndjson" },
        credentials: "same-origin",
        signal: abort.signal,
        keepalive: this.leaving, // the page may be about to end
      });
      return response.status === 202 ? undefined : await refusalOf(response);
    } catch (error) {
      return { code: Close.abnormal, reason: String(error), fromBida: false };
    } finally {
      inTime();
      this.abort.signal.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.over = true;
    this.notLate();
    if (this.waiting.length > 0 || this.posting) {
      this.leaving = true;
      void this.post();
    } else {
      this.abort.abort();
    }
  }
}

/** What an answer means that is not what was asked for. Bida's refusals are problems with a code; something in between may say anything. */
async function refusalOf(response: Response): Promise<End> {
  let text = "";
  try {
    text = await response.text();
  } catch {
    // broken off: the status has to do
  }
  const code = memberOf(text, "code");
  const detail = memberOf(text, "detail");
  const fromBida = typeof code === "string" && code !== "";
  const seconds = Number(response.headers.get("Retry-After"));
  return {
    code: fromBida && response.status === 401 ? Close.unauthenticated : fromBida && response.status === 403 ? Close.forbidden : Close.abnormal,
    reason: typeof detail === "string" && detail !== "" ? detail : `${response.status} ${response.statusText}`.trim(),
    fromBida,
    ...(seconds > 0 ? { retryAfter: seconds * 1000 } : {}),
  };
}

/** A member of a JSON object; undefined if the text is none. */
function memberOf(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
