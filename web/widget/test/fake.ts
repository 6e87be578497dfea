// A server of the visitors' routes in memory, as the tests need it: it can be away, refuse, lose answers, and hold streams back.

interface Kept {
  cursor: number;
  visitor: string;
  id: string;
  message: string;
  direction: "in" | "out";
  text: string;
  at: string;
  alias: string;
  attachments: { name: string; type: string; size: number; image: boolean; width?: number; height?: number; blob: Blob }[];
}

interface Talk {
  status: string;
  alias: string;
  canRate: boolean;
  rated: number;
  comment: string;
  seen: string;
}

interface Listener {
  visitor: string;
  out: ReadableStreamDefaultController<Uint8Array>;
}

export class FakeServer {
  up = true;
  /** Streams are accepted, and nothing of them arrives. */
  buffering = false;
  noStreams = false;
  /** Take the message in, and lose the answer. */
  loseAnswers = 0;
  /** Answer this to what it matches, as often as `times` says. */
  refusals: { match: RegExp; status: number; code: string; detail: string; times: number; retryAfter?: number }[] = [];
  info: Record<string, unknown> = { inbox: "web", title: "官网客服", open: true, can_receive: "now", limits: { text_bytes: 200, file_bytes: 1000, files: 3 } };
  requests: string[] = [];
  messages: Kept[] = [];
  readonly talks = new Map<string, Talk>();
  private readonly tokens = new Map<string, string>();
  private readonly uploads = new Map<string, { name: string; blob: Blob }>();
  private readonly listeners = new Set<Listener>();
  private readonly encoder = new TextEncoder();
  private last = 0;

  /** received are the texts that came in, in order. */
  get received(): string[] {
    return this.messages.filter((m) => m.direction === "in").map((m) => m.text);
  }

  asked(match: RegExp): number {
    return this.requests.filter((r) => match.test(r)).length;
  }

  /** only is the one visitor there is. */
  get only(): string {
    return [...this.talks.keys()].pop() ?? "";
  }

  visitor(token: string): string {
    return this.tokens.get(token) ?? "";
  }

  enrol(): { visitor: string; token: string } {
    const visitor = `v${this.talks.size + 1}`;
    const token = `bidav_${visitor}`;
    this.tokens.set(token, visitor);
    this.talks.set(visitor, { status: "none", alias: "", canRate: false, rated: 0, comment: "", seen: "" });
    return { visitor, token };
  }

  forget(): void {
    this.tokens.clear();
    this.cut();
  }

  reply(text: string, alias = "小甲", visitor = this.only, attachments: Kept["attachments"] = [], at = new Date()): void {
    const talk = this.talks.get(visitor);
    if (talk) Object.assign(talk, { status: "served", alias });
    this.push({ visitor, id: "", direction: "out", text, alias, attachments }, at);
    this.tell(visitor, "conversation", this.talk(visitor));
  }

  wrote(text: string, visitor = this.only, at = new Date(), attachments: Kept["attachments"] = []): void {
    this.push({ visitor, id: `old${this.last}`, direction: "in", text, alias: "", attachments }, at);
  }

  set(change: Partial<Talk>, visitor = this.only): void {
    const talk = this.talks.get(visitor);
    if (talk) Object.assign(talk, change);
    this.tell(visitor, "conversation", this.talk(visitor));
  }

  /** cut ends every stream, as a restart does. */
  cut(): void {
    for (const l of this.listeners) l.out.close();
    this.listeners.clear();
  }

  get listening(): number {
    return this.listeners.size;
  }

  fetch = (input: string | URL, init: RequestInit = {}): Promise<Response> => Promise.resolve().then(() => this.answer(new URL(input), init));

  private answer(url: URL, init: RequestInit): Response {
    const method = init.method ?? "GET";
    const path = url.pathname.replace(/^\/api\/v1\/chat\/[^/]+/, "");
    this.requests.push(`${method} ${path}${url.search}`);
    if (!this.up) throw new TypeError("network");
    if (init.signal?.aborted) throw new DOMException("aborted", "AbortError");
    const no = this.refusals.find((r) => r.times > 0 && r.match.test(`${method} ${path}`));
    if (no) {
      no.times--;
      return problem(no.status, no.code, no.detail, no.retryAfter);
    }
    if (method === "GET" && path === "") return json(200, this.info);
    if (path === "/visitors") return json(201, this.enrol());
    const visitor = this.tokens.get(new Headers(init.headers).get("Authorization")?.replace("Bearer ", "") ?? "");
    if (!visitor) return problem(401, "chat.unknown_visitor", "访客未知");
    const talk = this.talks.get(visitor) as Talk;
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as Record<string, unknown>) : {};

    if (method === "POST" && path === "/messages") {
      const had = this.messages.find((m) => m.visitor === visitor && m.id === body.id);
      if (!had) {
        const ids = (body.attachments ?? []) as string[];
        const attachments = ids.map((id) => {
          const u = this.uploads.get(id) as { name: string; blob: Blob };
          return { name: u.name, type: u.blob.type, size: u.blob.size, image: u.blob.type.startsWith("image/"), blob: u.blob };
        });
        if (talk.status !== "served") Object.assign(talk, { status: "waiting", canRate: false, rated: 0 });
        this.push({ visitor, id: String(body.id), direction: "in", text: String(body.text), alias: "", attachments }, new Date());
        this.tell(visitor, "conversation", this.talk(visitor));
      }
      if (this.loseAnswers > 0) {
        this.loseAnswers--;
        throw new TypeError("network");
      }
      const waiting = talk.status === "waiting";
      return json(had ? 200 : 201, { id: body.id, message: "m", sequence: 1, at: new Date().toISOString(), waiting, ...(waiting ? { notice: this.info.notice ?? "您的消息已收到，正在等待客服接待。" } : {}) });
    }
    if (method === "GET" && path === "/messages") {
      const after = url.searchParams.get("after");
      const before = Number(url.searchParams.get("before") ?? Infinity);
      const all = this.messages.filter((m) => m.visitor === visitor && m.cursor > Number(after ?? 0) && m.cursor < before);
      const page = after ? all.slice(0, 50) : all.slice(-50);
      return json(200, { messages: page.map(body_), conversation: this.talk(visitor), cursor: String(page[page.length - 1]?.cursor ?? after ?? 0), something_new: true });
    }
    // Without a place a stream begins now, as the real one does.
    if (path === "/stream") return this.stream(visitor, Number(url.searchParams.get("after") ?? this.last), init.signal ?? undefined);
    if (path === "/seen") {
      talk.seen = String(body.cursor);
      return new Response(null, { status: 204 });
    }
    if (path === "/rating") {
      Object.assign(talk, { rated: body.score, comment: body.comment ?? "" });
      return new Response(null, { status: 204 });
    }
    if (method === "POST" && path === "/attachments") {
      const id = `u${this.uploads.size + 1}`;
      const blob = init.body as Blob;
      this.uploads.set(id, { name: url.searchParams.get("name") ?? "", blob });
      return json(201, { id, name: url.searchParams.get("name"), type: blob.type, size: blob.size });
    }
    const file = /^\/attachments\/([^/]+)\/(\d+)$/.exec(path);
    if (file) {
      const blob = this.messages.find((m) => m.message === file[1])?.attachments[Number(file[2])]?.blob;
      return blob ? new Response(blob) : problem(404, "not_found", "没有");
    }
    return problem(404, "request.no_route", "没有");
  }

  private talk(visitor: string): unknown {
    const t = this.talks.get(visitor);
    return t && { status: t.status, ...(t.alias ? { agent: { alias: t.alias } } : {}), can_rate: t.canRate, ...(t.rated ? { rated: t.rated } : {}), ...(t.status === "waiting" ? { notice: this.info.notice ?? "您的消息已收到，正在等待客服接待。" } : {}) };
  }

  private push(m: Omit<Kept, "cursor" | "at" | "message">, at: Date): void {
    const kept = { ...m, cursor: ++this.last, at: at.toISOString(), message: `m${this.last}` };
    this.messages.push(kept);
    this.tell(m.visitor, "message", body_(kept), kept.cursor);
  }

  private tell(visitor: string, event: string, data: unknown, id?: number): void {
    if (this.buffering) return;
    const text = `event: ${event}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
    for (const l of this.listeners) if (l.visitor === visitor) l.out.enqueue(this.encoder.encode(text));
  }

  private stream(visitor: string, after: number, signal: AbortSignal | undefined): Response {
    if (this.noStreams) return problem(502, "proxy", "");
    let mine: Listener | undefined;
    const end = (): void => {
      if (mine) this.listeners.delete(mine);
    };
    const body = new ReadableStream<Uint8Array>({
      start: (out) => {
        mine = { visitor, out };
        this.listeners.add(mine);
        signal?.addEventListener("abort", () => {
          if (mine && this.listeners.has(mine)) out.error(new DOMException("aborted", "AbortError"));
          end();
        });
        if (this.buffering) return;
        out.enqueue(this.encoder.encode(": hello\n\n"));
        out.enqueue(this.encoder.encode(`event: conversation\ndata: ${JSON.stringify(this.talk(visitor))}\n\n`));
        for (const m of this.messages) if (m.visitor === visitor && m.cursor > after) out.enqueue(this.encoder.encode(`event: message\nid: ${m.cursor}\ndata: ${JSON.stringify(body_(m))}\n\n`));
      },
      cancel: end,
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }
}

function body_(m: Kept): unknown {
  const { cursor, id, message, direction, text, at, alias } = m;
  const attachments = m.attachments.map((a) => ({ ...a, blob: undefined }));
  return { cursor: String(cursor), message, ...(id ? { id } : {}), direction, text, at, ...(alias ? { agent: { alias } } : {}), attachments };
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

function problem(status: number, code: string, detail: string, retryAfter?: number): Response {
  return new Response(JSON.stringify({ type: "", title: "", status, detail, code, ...(retryAfter ? { retry_after: retryAfter } : {}) }), { status });
}
