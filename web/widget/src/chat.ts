// The conversation of one visitor with one inbox: what was said, what is on its way, how the line is. It knows nothing of how it looks; whoever shows it
// listens with `subscribe` and reads.

import { type Api, historyPage, Refusal, type Upload } from "./api";
import type { Blobs } from "./blobs";
import type { ServerEvent } from "./events";
import type { Keep } from "./keep";
import { type Link, Live, type Source, type Want } from "./live";
import { type Entry, newID, Outbox, type Part } from "./outbox";
import * as wire from "./wire";
import type { Words } from "./words";

/** How an entry of the outbox stands: it is being sent, it waits until the network is back, or the server refused it. */
export type Going = "sending" | "queued" | "refused";

const infoFresh = 60_000;
const hiddenLive = 300_000;
/** How long the echo of a message may take on a stream that works. */
const echo = 5_000;

export class Chat implements Source {
  info: wire.Info | undefined;
  messages: wire.Message[] = [];
  conversation: wire.Conversation = wire.noConversation;
  /** History has been read; until then an empty thread means nothing. */
  loaded = false;
  /** The server no longer knows this visitor: what was said before cannot be shown any more. */
  forgotten = false;
  /** There is no such inbox for visitors (any more). */
  gone = false;
  /** There may be messages before those that are known. */
  earlier = false;
  seen: string;
  readonly lasting: boolean;
  private readonly outbox: Outbox;
  private readonly live: Live;
  private readonly listeners = new Set<() => void>();
  private readonly uploads = new Map<string, { stop: AbortController; part: number; done: Promise<Upload> }>();
  private open = false;
  private visible = true;
  private hiddenSince = 0;
  private infoAt = 0;
  private seenSent = "";
  private visiting: Promise<string> | undefined;
  private flushing = false;
  /** Counts how often sending was asked for: what is asked for while it goes on makes another round. */
  private wanted = 0;
  private tries = 0;
  /** The server asked to be left alone until then. */
  private notBefore = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private told = false;
  /** How far the history is known to be complete: the place to go on from. */
  private mark = "";
  private stopped = false;
  private readonly deaf: () => void;

  constructor(
    private readonly api: Api,
    private readonly keep: Keep,
    private readonly blobs: Blobs,
    private readonly words: Words,
    private readonly name: string,
  ) {
    this.outbox = new Outbox(keep);
    this.live = new Live(this, () => this.lineChanged());
    this.lasting = keep.lasting;
    this.seen = keep.get("seen");
    this.deaf = keep.changed((key) => this.elsewhere(key));
  }

  // ---- what is to be seen

  get entries(): Entry[] {
    const there = new Set(this.messages.map((m) => m.id));
    return this.outbox.entries.filter((e) => !there.has(e.id));
  }

  get link(): Link {
    return this.live.link;
  }

  get retryAt(): number {
    return this.live.retryAt;
  }

  get known(): boolean {
    return this.token !== "";
  }

  get unread(): number {
    return this.messages.filter((m) => !m.mine && m.cursor && wire.newer(m.cursor, this.seen)).length;
  }

  get limits(): wire.Limits {
    return this.info?.limits ?? wire.usualLimits;
  }

  going(e: Entry): Going {
    if (e.refused) return "refused";
    return this.tries > 0 ? "queued" : "sending";
  }

  /** progress of a file, from 0 to 1. */
  progress(key: string): number {
    return this.uploads.get(key)?.part ?? 0;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // ---- what the page does

  /** start looks whether there is something from before. Without a visitor nothing is asked of the server. */
  start(): void {
    this.loaded = !this.known;
    this.attend();
    if (this.outbox.entries.length) void this.flush();
  }

  /** stop ends everything that goes on by itself. */
  stop(): void {
    this.live.set("off");
    clearTimeout(this.timer);
    this.deaf();
    this.stopped = true;
  }

  /** look says whether the conversation is open and whether anybody can see it. */
  look(open: boolean, visible: boolean): void {
    if (!visible && this.visible) {
      this.hiddenSince = Date.now();
      setTimeout(() => this.attend(), hiddenLive + 1);
    }
    const back = visible && !this.visible;
    this.open = open;
    this.visible = visible;
    if (open && visible) void this.learn();
    this.attend();
    if (back && this.known && this.live.link === "live") this.poll().catch(() => this.live.now()); // a line may have died while the machine slept
  }

  /** online says what the browser thinks of the network. */
  online(yes: boolean): void {
    if (yes) this.retryNow();
    else this.live.lost();
  }

  retryNow(): void {
    this.live.now();
    this.tries = 0;
    void this.flush();
    if (!this.info) void this.learn();
  }

  /** learn reads what holds for the inbox: its title, its hours, whether somebody is there. */
  async learn(): Promise<void> {
    if (Date.now() - this.infoAt < infoFresh) return;
    this.infoAt = Date.now();
    try {
      this.info = await this.api.info();
      this.gone = false;
    } catch (fault) {
      this.infoAt = 0; // known from before, or not at all: nothing is claimed
      this.gone = fault instanceof Refusal && fault.status === 404;
    }
    this.changed();
  }

  send(text: string, parts: Part[]): void {
    this.outbox.add({ id: newID(), text, parts, at: Date.now(), refused: "" });
    this.changed();
    void this.flush();
  }

  /** retry sends a refused entry again, under the id it has. Its files go again too, if they are still here: the server may have given up on them. */
  async retry(id: string): Promise<void> {
    const here = new Map<string, boolean>();
    for (const p of this.outbox.entries.find((e) => e.id === id)?.parts ?? []) here.set(p.key, (await this.blobs.get(p.key)) !== undefined);
    this.outbox.change(id, (e) => ({ ...e, refused: "", parts: e.parts.map((p) => ({ ...p, refused: "", upload: here.get(p.key) ? "" : p.upload })) }));
    for (const [key, is] of here) if (is) this.uploads.delete(key);
    this.retryNow();
    this.changed();
  }

  drop(id: string): void {
    const entry = this.outbox.entries.find((e) => e.id === id);
    for (const p of entry?.parts ?? []) this.forget(p.key);
    this.outbox.remove(id);
    this.changed();
  }

  /** see notes that everything up to a message was on the screen. */
  see(cursor: string): void {
    this.note(cursor);
    const token = this.token;
    if (!token || !wire.newer(this.seen, this.seenSent)) return;
    const before = this.seenSent;
    this.seenSent = this.seen;
    this.api.seen(token, this.seen).catch(() => {
      this.seenSent = before; // said again with the next message, or the next time the conversation is opened
    });
  }

  /** back reads what was said before the first message that is known. */
  async back(): Promise<void> {
    const first = this.messages.find((m) => m.cursor);
    if (!first) return;
    const page = await this.api.messages(this.token, "before", first.cursor);
    for (const m of page.messages) this.take(m);
    this.earlier = page.messages.length >= historyPage;
    this.changed();
  }

  private note(cursor: string): void {
    if (!wire.newer(cursor, this.seen)) return;
    this.seen = cursor;
    this.keep.set("seen", cursor);
    this.changed();
  }

  async rate(score: number, comment: string): Promise<void> {
    await this.api.rate(this.token, score, comment);
    this.conversation = { ...this.conversation, rated: score };
    this.changed();
  }

  file(message: string, n: number): Promise<Blob> {
    return this.api.file(this.token, message, n);
  }

  blob(key: string): Promise<Blob | undefined> {
    return this.blobs.get(key);
  }

  // ---- files

  /** attach begins to send a file ahead of the message that it will be part of. */
  async attach(part: Part, file: Blob): Promise<Part> {
    await this.blobs.put(part.key, file);
    return this.deliver(part);
  }

  /** resume goes on with a file that an earlier page had begun with. */
  resume(part: Part): Promise<Part> {
    return this.deliver(part);
  }

  /** forget gives up a file. */
  forget(key: string): void {
    this.uploads.get(key)?.stop.abort();
    this.uploads.delete(key);
    void this.blobs.drop(key);
  }

  /** deliver brings one file to the server and returns the part with its id there, or with the reason why it cannot be. */
  private async deliver(part: Part): Promise<Part> {
    if (part.upload || part.refused) return part;
    try {
      const { id } = await this.upload(part);
      return { ...part, upload: id };
    } catch (fault) {
      if (fault instanceof Refusal && !fault.passing && fault.status !== 401) return { ...part, refused: this.reason(fault) };
      throw fault;
    }
  }

  private upload(part: Part): Promise<Upload> {
    const running = this.uploads.get(part.key);
    if (running) return running.done;
    const stop = new AbortController();
    const run = async (): Promise<Upload> => {
      const file = await this.blobs.get(part.key);
      if (!file) throw new Refusal(0, "gone", this.words.fileGone, 0);
      const progress = (p: number): void => {
        upload.part = p;
        this.changed();
      };
      const token = await this.visitor();
      try {
        return await this.api.upload(token, part.name, file, progress, stop.signal);
      } catch (fault) {
        if (!(fault instanceof Refusal && fault.status === 401)) throw fault;
        this.begin(token);
        return this.api.upload(await this.visitor(), part.name, file, progress, stop.signal);
      }
    };
    const upload = { stop, part: 0, done: run() };
    this.uploads.set(part.key, upload);
    upload.done.catch(() => {
      if (this.uploads.get(part.key) === upload) this.uploads.delete(part.key);
    });
    return upload.done;
  }

  // ---- sending

  private async flush(): Promise<void> {
    this.wanted++;
    if (this.stopped || this.flushing) return;
    this.flushing = true;
    clearTimeout(this.timer);
    try {
      for (let done = 0; done !== this.wanted; ) {
        done = this.wanted;
        await alone(this.keep, () => this.empty());
      }
    } finally {
      this.flushing = false;
      this.changed();
    }
  }

  /** empty sends what can be sent, in the order in which it was written. */
  private async empty(): Promise<void> {
    for (;;) {
      const next = this.entries.find((e) => !e.refused);
      if (!next) {
        this.tries = 0;
        return;
      }
      try {
        await this.sendOne(next);
        this.tries = 0;
      } catch (fault) {
        if (fault instanceof Refusal && fault.status === 401) {
          this.begin(this.token);
          continue;
        }
        if (fault instanceof Refusal && !fault.passing) {
          this.outbox.change(next.id, (e) => ({ ...e, refused: this.reason(fault) }));
          this.changed();
          continue;
        }
        const wait = Math.min(30_000, 1000 * 2 ** this.tries) * (0.75 + Math.random() / 2);
        this.tries++;
        const asked = fault instanceof Refusal ? 1000 * fault.retryAfter : 0;
        this.notBefore = Date.now() + asked;
        this.timer = setTimeout(() => void this.flush(), Math.max(wait, asked));
        return;
      }
      this.changed();
    }
  }

  private async sendOne(e: Entry): Promise<void> {
    const token = await this.visitor();
    const parts: Part[] = [];
    for (const p of e.parts) {
      const delivered = await this.deliver(p);
      if (delivered.refused) throw new Refusal(0, "file", delivered.refused, 0);
      parts.push(delivered);
      if (delivered !== p) this.outbox.change(e.id, (now) => ({ ...now, parts: now.parts.map((q) => (q.key === p.key ? delivered : q)) }));
    }
    if (!this.entries.some((now) => now.id === e.id)) return; // taken back, or sent by another tab meanwhile
    const answer = await this.api.send(
      token,
      e.id,
      e.text,
      parts.map((p) => p.upload),
    );
    if (answer.waiting) this.conversation = { ...wire.noConversation, status: "waiting", notice: answer.notice };
    else if (this.conversation.status !== "served") this.conversation = { ...wire.noConversation, status: "served" };
    // Until the history has it, it stands at the end, as what it is: sent. Its place is not taken from the answer, because an agent's message that came
    // before it may still be on its way, and would be passed over.
    if (!this.messages.some((m) => m.id === e.id)) {
      this.messages.push({
        cursor: "",
        id: e.id,
        message: answer.message,
        mine: true,
        text: e.text,
        at: answer.at,
        alias: "",
        automatic: false,
        attachments: parts.map((p) => ({ name: p.name, type: p.type, size: p.size, image: shown.test(p.type) })),
      });
    }
    this.outbox.remove(e.id);
    for (const p of parts) this.forget(p.key);
    this.attend();
    setTimeout(() => {
      if (this.messages.some((m) => m.id === e.id && !m.cursor)) this.live.late();
    }, echo);
  }

  private reason(r: Refusal): string {
    return r.words || this.words.refused;
  }

  // ---- who the visitor is

  private get token(): string {
    return this.keep.get("token");
  }

  private visitor(): Promise<string> {
    if (this.token) return Promise.resolve(this.token);
    this.visiting ??= this.api
      .visit(this.name)
      .then((token) => {
        // Another tab may have been faster; then both are that visitor.
        if (!this.token) this.keep.set("token", token);
        this.attend();
        return this.token;
      })
      .finally(() => {
        this.visiting = undefined;
      });
    return this.visiting;
  }

  /** begin starts anew: the server does not know this visitor. What was not sent yet stays and goes out as the new one's. */
  private begin(token: string): void {
    if (token !== this.token) return; // begun already
    this.forgotten = true;
    for (const e of this.outbox.entries) this.outbox.change(e.id, (now) => ({ ...now, parts: now.parts.map((p) => ({ ...p, upload: "" })) }));
    this.uploads.clear();
    this.keep.set("token", "");
    this.keep.set("seen", "");
    this.reset();
    this.loaded = true;
    this.attend();
    this.changed();
  }

  private reset(): void {
    this.seen = this.keep.get("seen");
    this.seenSent = "";
    this.messages = [];
    this.conversation = wire.noConversation;
    this.mark = "";
    this.earlier = false;
  }

  /** elsewhere follows what another tab did. */
  private elsewhere(key: string): void {
    if (key === "seen") this.seen = this.keep.get("seen");
    else if (key === "token" || key === "") {
      this.reset();
      this.live.set("off");
      this.start();
    } else if (key !== "outbox") return;
    this.changed();
  }

  // ---- the line

  private attend(): void {
    if (this.stopped) return;
    const active = this.conversation.status === "waiting" || this.conversation.status === "served";
    let want: Want = "off";
    if (this.known) {
      if (!this.loaded && !this.open) want = "slow";
      else if (this.visible) want = this.open || active ? "live" : "off";
      else if (this.open || active) want = this.open && Date.now() - this.hiddenSince < hiddenLive ? "live" : "slow";
    }
    this.live.set(want);
  }

  stream(signal: AbortSignal): Promise<Response> {
    return this.api.stream(this.token, this.newest, signal);
  }

  async poll(): Promise<void> {
    for (;;) {
      const after = this.newest;
      let page: wire.History;
      try {
        page = await this.api.messages(this.token, "after", after);
      } catch (fault) {
        // A server that was set back does not know the place where we are: read it all again.
        if (!after || !(fault instanceof Refusal) || (fault.status !== 400 && fault.status !== 410)) throw fault;
        this.messages = this.messages.filter((m) => !m.cursor);
        this.mark = "";
        continue;
      }
      for (const m of page.messages) this.take(m);
      if (wire.newer(page.cursor, this.mark)) this.mark = page.cursor;
      if (!after) this.earlier = page.messages.length >= historyPage;
      this.stand(page.conversation);
      this.loaded = true;
      this.attend();
      this.changed();
      if (!after || page.messages.length === 0 || this.newest === after) return;
    }
  }

  apply(event: ServerEvent): void {
    let data: unknown;
    try {
      data = JSON.parse(event.data) as unknown;
    } catch {
      return; // of a newer server, perhaps; the next poll has what matters
    }
    if (event.type === "message") {
      const m = wire.message(data);
      this.take({ ...m, cursor: m.cursor || event.id });
    } else if (event.type === "conversation") {
      this.stand(wire.conversation(data));
      this.attend();
    } else return;
    this.changed();
  }

  refused(r: Refusal): boolean {
    if (r.status === 404) {
      this.gone = true;
      return true;
    }
    if (r.status !== 401) return false;
    this.begin(this.token);
    return true;
  }

  private lineChanged(): void {
    const works = this.link === "live" || this.link === "polling";
    if (works && this.tries > 0 && Date.now() >= this.notBefore) void this.flush();
    if (works && this.open) void this.learn();
    this.changed();
  }

  private get newest(): string {
    return this.messages.reduce((last, m) => (wire.newer(m.cursor, last) ? m.cursor : last), this.mark);
  }

  /** stand notes how the conversation stands. When that is another, whether somebody is there may be another too. */
  private stand(c: wire.Conversation): void {
    const news = this.loaded && c.status !== this.conversation.status;
    this.conversation = c;
    if (!news) return;
    this.infoAt = 0;
    if (this.open) void this.learn();
  }

  /** take puts a message where it belongs, once, and removes from the outbox what has thereby arrived. */
  private take(m: wire.Message): void {
    if (!m.cursor || this.messages.some((had) => had.cursor === m.cursor)) return;
    const known = this.messages.filter((had) => had.cursor && had.cursor !== m.cursor);
    const ours = this.messages.filter((had) => !had.cursor && had.id !== m.id);
    known.push(m);
    known.sort((a, b) => (wire.newer(a.cursor, b.cursor) ? 1 : -1));
    this.messages = [...known, ...ours];
    if (m.mine && m.id) this.outbox.remove(m.id);
    if (m.mine) this.note(m.cursor); // who writes has read what stands above
  }

  private changed(): void {
    if (this.told) return;
    this.told = true;
    queueMicrotask(() => {
      this.told = false;
      for (const listener of this.listeners) listener();
    });
  }
}

/** The types that browsers show as pictures and that cannot contain a program. */
export const shown = /^image\/(png|jpeg|gif|webp)$/;

/** alone keeps the tabs of one visitor from sending the same at the same time. Where it cannot, or where another tab holds on for too long, the ids see to it
 * that nothing arrives twice. */
async function alone(keep: Keep, work: () => Promise<void>): Promise<void> {
  const locks = keep.lasting ? (navigator.locks as LockManager | undefined) : undefined;
  if (!locks) return work();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), 10_000);
  try {
    await locks.request(`bida:${keep.prefix}`, { signal: late.signal }, () => {
      clearTimeout(timer);
      return work();
    });
  } catch (fault) {
    clearTimeout(timer);
    if (fault instanceof DOMException && fault.name === "AbortError") return work();
    throw fault;
  }
}

