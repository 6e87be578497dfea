// The visitors' routes of the server, one method each.

import * as wire from "./wire";

/** The server answered, and the answer is no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly words: string,
    readonly retryAfter: number,
  ) {
    super(`${status} ${code}`);
  }

  /** passing says that the same request may succeed later. */
  get passing(): boolean {
    return this.status === 429 || this.status === 408 || this.status >= 500;
  }
}

/** Nobody answered: no network, no server, or too slow. */
export class Unreachable extends Error {}

/** Of an upload. */
export interface Upload {
  id: string;
  name: string;
  type: string;
  size: number;
}

const patience = 20_000;

/** How many messages are read at once. */
export const historyPage = 50;

export class Api {
  private readonly root: string;

  constructor(
    server: string,
    inbox: string,
    private readonly lang: string,
  ) {
    this.root = `${server}/api/v1/chat/${encodeURIComponent(inbox)}`;
  }

  async info(): Promise<wire.Info> {
    return wire.info(await this.json("GET", ""));
  }

  async visit(name: string): Promise<string> {
    const token = wire.text(wire.members(await this.json("POST", "/visitors", "", name ? { name } : {})).token);
    if (!token) throw new Unreachable("the server gave no token");
    return token;
  }

  async send(token: string, id: string, text: string, attachments: string[]): Promise<wire.Sent> {
    return wire.sent(await this.json("POST", "/messages", token, attachments.length ? { id, text, attachments } : { id, text }));
  }

  /** messages reads what comes after a place, what lies before one, or the newest. */
  async messages(token: string, side: "after" | "before", cursor: string): Promise<wire.History> {
    return wire.history(await this.json("GET", cursor ? `/messages?limit=${historyPage}&${side}=${encodeURIComponent(cursor)}` : `/messages?limit=${historyPage}`, token));
  }

  async seen(token: string, cursor: string): Promise<void> {
    await this.json("POST", "/seen", token, { cursor });
  }

  async rate(token: string, score: number, comment: string): Promise<void> {
    await this.json("POST", "/rating", token, comment ? { score, comment } : { score });
  }

  async file(token: string, message: string, n: number): Promise<Blob> {
    return this.ask("GET", `/attachments/${encodeURIComponent(message)}/${n}`, token, undefined, undefined, (answer) => answer.blob());
  }

  async stream(token: string, after: string, signal: AbortSignal): Promise<Response> {
    const path = after ? `/stream?after=${encodeURIComponent(after)}` : "/stream";
    return this.ask("GET", path, token, undefined, signal, (answer) => answer);
  }

  /** upload uses XMLHttpRequest, because fetch does not tell how far it has come. */
  upload(token: string, name: string, file: Blob, progress: (part: number) => void, signal: AbortSignal): Promise<Upload> {
    return new Promise((resolve, reject) => {
      const x = new XMLHttpRequest();
      x.open("POST", `${this.root}/attachments?name=${encodeURIComponent(name)}`);
      x.setRequestHeader("Authorization", `Bearer ${token}`);
      x.setRequestHeader("Accept-Language", this.lang);
      x.setRequestHeader("Content-Type", file.type || "application/octet-stream");
      const unreachable = (): void => reject(new Unreachable("upload"));
      // A large file may take its time, but not without moving.
      let stuck = setTimeout(() => x.abort(), 3 * patience);
      x.upload.onprogress = (e) => {
        clearTimeout(stuck);
        stuck = setTimeout(() => x.abort(), 3 * patience);
        if (e.lengthComputable) progress(e.loaded / e.total);
      };
      x.onerror = x.onabort = unreachable;
      x.onloadend = () => clearTimeout(stuck);
      x.onload = () => {
        let body: unknown = null;
        try {
          body = JSON.parse(x.responseText) as unknown;
        } catch {
          // A proxy answered in its own words; the status says enough.
        }
        if (x.status >= 200 && x.status < 300) {
          const m = wire.members(body);
          resolve({ id: wire.text(m.id), name: wire.text(m.name) || name, type: wire.text(m.type), size: Number(m.size) || file.size });
        } else reject(refusal(x.status, body, x.getResponseHeader("Retry-After")));
      };
      signal.addEventListener("abort", () => x.abort());
      x.send(file);
    });
  }

  private async json(method: string, path: string, token = "", body?: unknown): Promise<unknown> {
    return this.ask(method, path, token, body, undefined, async (answer) => {
      if (answer.status === 204 || answer.status === 202) return null;
      try {
        return (await answer.json()) as unknown;
      } catch {
        throw new Unreachable("the answer was cut off");
      }
    });
  }

  /** ask bounds the time until `read` is done with the answer. With a signal of its own a request may then go on as long as it likes. */
  private async ask<T>(method: string, path: string, token: string, body: unknown, signal: AbortSignal | undefined, read: (answer: Response) => T): Promise<Awaited<T>> {
    const headers: Record<string, string> = { "Accept-Language": this.lang };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    const timer = setTimeout(abort, patience);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort);
    try {
      const answer = await fetch(this.root + path, {
        method,
        headers,
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: stop.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch(() => {
        throw new Unreachable(path);
      });
      if (answer.ok) return await read(answer);
      // A proxy may answer in its own words; then the status says enough.
      throw refusal(answer.status, await answer.json().catch(() => null), answer.headers.get("Retry-After"));
    } finally {
      clearTimeout(timer);
    }
  }
}

function refusal(status: number, body: unknown, header: string | null): Refusal {
  const p = wire.members(body);
  return new Refusal(status, wire.text(p.code), wire.text(p.detail), Number(p.retry_after ?? header) || 0);
}
