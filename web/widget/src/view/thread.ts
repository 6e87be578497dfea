// The thread: what was said, day by day, and at its end what is on its way and how things stand. Elements stay as long as what they show stays the same,
// so that nothing flickers and a reader's place is kept.

import { type Chat, shown } from "../chat";
import { h, icon } from "../dom";
import type { Entry, Part } from "../outbox";
import { clock, day, dayOf, moment, pieces, size } from "../text";
import type { Message } from "../wire";
import type { Words } from "../words";
import { Files, named } from "./files";
import { rating } from "./rating";

interface Item {
  key: string;
  /** Whatever changes how it looks; the element is made anew when this changes. */
  sign: string;
  make: () => HTMLElement;
}

/** A line of the thread, whether it has arrived or not. */
interface Line {
  key: string;
  mine: boolean;
  text: string;
  at: number;
  alias: string;
  message: Message | undefined;
  entry: Entry | undefined;
}

/** Lines of one side that follow each other this closely stand together. */
const together = 5 * 60_000;

export class Thread {
  readonly element: HTMLElement;
  private readonly log: HTMLElement;
  private readonly jump: HTMLButtonElement;
  private readonly jumpText: HTMLElement;
  private readonly announcer: HTMLElement;
  private readonly files: Files;
  private readonly drawn = new Map<string, { sign: string; node: HTMLElement }>();
  private atEnd = true;
  private greeted = false;
  private changing = false;
  private announced: string | undefined;
  private newest = "";
  private seenUpTo = "";

  constructor(
    private readonly chat: Chat,
    private readonly words: Words,
    root: Node,
  ) {
    this.log = h("div", { class: "log", role: "log", "aria-label": words.log, "aria-live": "off", tabindex: 0 });
    this.jumpText = h("span", {}, words.toEnd);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() }, icon("down"), this.jumpText);
    this.announcer = h("div", { class: "sr", role: "status" });
    this.element = h("div", { class: "holder" }, this.log, this.jump, this.announcer);
    this.files = new Files(root, words, () => this.follow());
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => this.follow()).observe(this.log); // a keyboard came up, or the composer grew
  }

  toEnd(): void {
    this.atEnd = true;
    this.follow();
    this.scrolled();
  }

  /** show puts a file of the visitor's own where the thread will look for it. */
  show(part: Part, file: Blob): void {
    this.files.give(part.key, file);
  }

  draw(looking: boolean): void {
    const lines = this.lines();
    this.arrange(this.items(lines));
    const bars = this.log.querySelectorAll<HTMLElement>("[data-part]");
    for (const bar of bars) bar.style.setProperty("--part", String(this.chat.progress(bar.dataset.part ?? "")));
    const last = lines[lines.length - 1];
    const newest = last?.key ?? "";
    if (newest !== this.newest) {
      this.newest = newest;
      if (last?.entry) this.atEnd = true; // who writes wants to see it
      else if (!this.atEnd && last && !last.mine) this.jumpText.textContent = this.words.newMessages;
    }
    this.follow();
    this.announce(looking);
    this.saw(looking);
  }

  private scrolled(): void {
    this.atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    this.jump.hidden = this.atEnd;
    if (this.atEnd) {
      this.jumpText.textContent = this.words.toEnd;
      this.saw(true);
    }
  }

  private follow(): void {
    if (this.atEnd) this.log.scrollTop = this.log.scrollHeight;
    this.jump.hidden = this.atEnd;
  }

  private saw(looking: boolean): void {
    if (!looking || !this.atEnd) return;
    const last = this.chat.messages.filter((m) => m.cursor).pop();
    if (!last || last.cursor === this.seenUpTo) return;
    this.seenUpTo = last.cursor;
    this.chat.see(last.cursor);
  }

  /** announce reads new answers out, and not the history. */
  private announce(looking: boolean): void {
    if (!this.chat.loaded) return;
    const last = this.chat.messages.filter((m) => m.cursor && !m.mine).pop();
    const before = this.announced;
    this.announced = last?.cursor ?? "";
    if (before === undefined || !last || last.cursor === before || !looking) return;
    const what = last.text || this.words.files(last.attachments.length);
    this.announcer.textContent = this.words.said(last.automatic ? this.words.automatic : last.alias || this.words.agent, what);
  }

  private lines(): Line[] {
    const said = this.chat.messages.map((m): Line => ({ key: m.id && m.mine ? m.id : `c${m.cursor}`, mine: m.mine, text: m.text, at: m.at, alias: m.automatic ? this.words.automatic : m.alias, message: m, entry: undefined }));
    const going = this.chat.entries.map((e): Line => ({ key: e.id, mine: true, text: e.text, at: e.at, alias: "", message: undefined, entry: e }));
    return [...said, ...going];
  }

  private items(lines: Line[]): Item[] {
    const w = this.words;
    const chat = this.chat;
    const items: Item[] = [];
    if (!chat.lasting) items.push(this.aside("memory", w.memoryOnly));
    if (chat.forgotten) items.push(this.quiet("forgotten", w.forgotten));
    if (chat.earlier) {
      const button = h("button", { type: "button", class: "link" }, w.earlier);
      button.addEventListener("click", () => void this.more(button));
      items.push({ key: "earlier", sign: chat.messages[0]?.cursor ?? "", make: () => h("div", { class: "aside quiet" }, button) });
    }
    if (!chat.loaded) items.push(this.quiet("loading", chat.link === "offline" ? w.loadFailed : w.loading));
    else if (this.greeted || lines.length === 0) {
      this.greeted = true; // it stays where it was when the first words follow it
      items.push({ key: "hello", sign: "", make: () => h("div", { class: "hello" }, h("p", { class: "big" }, w.hello), h("p", { class: "more" }, w.helloMore)) });
    }

    let before: Line | undefined;
    lines.forEach((line, i) => {
      if (!before || dayOf(before.at) !== dayOf(line.at)) {
        const text = day(line.at, w);
        items.push({ key: `d${dayOf(line.at)}:${line.key}`, sign: text, make: () => h("div", { class: "day" }, text) });
        before = undefined;
      }
      const first = !before || !joined(before, line);
      const next = lines[i + 1];
      const last = !next || !joined(line, next) || dayOf(line.at) !== dayOf(next.at);
      items.push(this.item(line, first, last, !next));
      before = line;
    });

    const status = chat.conversation.status;
    if (status === "resolved") {
      items.push(this.quiet("end", w.resolved));
      const { rated, canRate } = chat.conversation;
      if (canRate && (rated === 0 || this.changing)) items.push({ key: "rating", sign: "", make: () => rating(chat, w, () => this.follow(), () => this.change(false)) });
      else if (rated > 0) items.push(this.rated(rated, canRate));
      items.push(this.quiet("again", w.again));
    }
    const { info } = chat;
    const hours = info && (info.notice || (!info.open && info.opensAt ? w.opensAt(moment(info.opensAt, w)) : ""));
    if (status === "waiting" && chat.conversation.notice) items.push(this.aside("notice", chat.conversation.notice));
    else if (status !== "served" && hours) items.push(this.aside("hours", hours));
    return items;
  }

  private rated(score: number, canRate: boolean): Item {
    const w = this.words;
    const thanks = w.rateThanks(w.rateWords[Math.min(5, score) - 1] ?? "");
    const change = (): void => this.change(true);
    return { key: "rated", sign: thanks + String(canRate), make: () => h("div", { class: "aside quiet" }, h("span", {}, thanks), canRate && h("button", { type: "button", class: "link", onclick: change }, w.rateChange)) };
  }

  private change(yes: boolean): void {
    this.changing = yes;
    this.draw(true);
  }

  /** more reads earlier messages and keeps what is being looked at where it is. */
  private async more(button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    const below = this.log.scrollHeight - this.log.scrollTop;
    try {
      await this.chat.back();
      this.draw(true);
      this.log.scrollTop = this.log.scrollHeight - below;
    } catch {
      button.disabled = false; // to be asked for again; the line says why it did not work
    }
  }

  private aside(key: string, text: string): Item {
    return { key, sign: text, make: () => h("div", { class: "aside" }, icon("clock"), h("div", { dir: "auto" }, text)) };
  }

  private quiet(key: string, text: string): Item {
    return { key, sign: text, make: () => h("div", { class: "aside quiet" }, text) };
  }

  private item(line: Line, first: boolean, last: boolean, end: boolean): Item {
    const going = line.entry && this.chat.going(line.entry);
    const parts = line.entry?.parts.map((p) => `${p.key}${p.upload ? "+" : ""}${p.refused}`).join() ?? line.message?.attachments.length ?? 0;
    return {
      key: line.key,
      sign: [first, last, end && line.mine, going, going === "queued" && this.chat.link === "offline", line.entry?.refused, parts, line.alias, Boolean(line.message?.cursor)].join("|"),
      make: () => this.row(line, first, last, end),
    };
  }

  private row(line: Line, first: boolean, last: boolean, end: boolean): HTMLElement {
    const w = this.words;
    const alias = line.alias || w.agent;
    const stack = h("div", { class: "stack" });
    if (line.mine) stack.append(h("span", { class: "sr" }, `${w.you}:`));
    else stack.append(h("span", { class: first ? "who" : "sr", dir: "auto" }, alias));
    if (line.text) stack.append(h("div", { class: "balloon", dir: "auto" }, ...linked(line.text)));
    if (line.entry) for (const p of line.entry.parts) stack.append(this.part(line.entry, p));
    else stack.append(...this.attachments(line));
    this.meta(stack, line, last, end);
    const row = h("div", { class: ["row", line.mine ? "mine" : "theirs", first && "first", last && "last", line.entry && !line.entry.refused && "going"].filter(Boolean).join(" ") });
    if (!line.mine) row.append(h("div", { class: first ? "face" : "face none", "aria-hidden": "true" }, first ? initial(alias) : ""));
    row.append(stack);
    return row;
  }

  private meta(stack: HTMLElement, line: Line, last: boolean, end: boolean): void {
    const w = this.words;
    const e = line.entry;
    if (e && this.chat.going(e) === "refused") {
      stack.append(
        h("div", { class: "trouble", role: "alert" }, icon("alert"), h("span", { dir: "auto" }, w.failed(e.refused))),
        h(
          "div",
          { class: "acts" },
          h("button", { type: "button", class: "link", onclick: () => void this.chat.retry(e.id) }, w.retry),
          h("button", { type: "button", class: "link", onclick: () => this.chat.drop(e.id) }, w.drop_),
        ),
      );
      return;
    }
    if (e && this.chat.going(e) === "queued") {
      stack.append(h("div", { class: "trouble wait" }, icon("clock"), w.queued));
      if (last && this.chat.link !== "offline") stack.append(h("div", { class: "acts" }, h("button", { type: "button", class: "link", onclick: () => this.chat.retryNow() }, w.retryNow)));
      return;
    }
    if (!last) return;
    const state = e ? w.sending : line.mine && end ? w.sent : "";
    const time = h("time", { datetime: new Date(line.at).toISOString() }, clock(line.at, w));
    stack.append(h("div", { class: "meta" }, time, state && !e && icon("check"), e && icon("clock"), state && h("span", { class: e ? "" : "sr" }, state)));
  }

  private attachments(line: Line): HTMLElement[] {
    const m = line.message;
    if (!m) return [];
    return m.attachments.map((a, n) => {
      const file = { key: `${m.message}/${n}`, name: a.name, size: a.size, ...(a.width && a.height ? { width: a.width, height: a.height } : {}), load: () => this.chat.file(m.message, n) };
      // What the visitor sent from here does not have to be fetched.
      const own = `${m.id}/${n}`;
      if (m.mine && this.files.has(own)) file.key = own;
      return a.image ? this.files.picture(file) : this.files.card(file);
    });
  }

  /** part shows a file that is not there yet. */
  private part(e: Entry, p: Part): HTMLElement {
    const own = `${e.id}/${e.parts.indexOf(p)}`;
    const file = { key: own, name: p.name, size: p.size, load: () => this.local(p) };
    if (shown.test(p.type)) {
      const box = this.files.picture(file);
      if (!p.upload) box.append(h("span", { class: "bar", "data-part": p.key }));
      return box;
    }
    return h("div", { class: "card" }, icon("file"), h("div", { class: "named" }, named(p.name), h("div", { class: "detail" }, size(p.size))), !p.upload && h("span", { class: "bar", "data-part": p.key }));
  }

  private async local(p: Part): Promise<Blob> {
    const blob = await this.chat.blob(p.key);
    if (!blob) throw new Error("gone");
    return blob;
  }

  /** arrange brings the log in the wanted order with as few changes as possible. */
  private arrange(items: Item[]): void {
    const wanted = new Set(items.map((i) => i.key));
    for (const [key, { node }] of this.drawn) {
      if (wanted.has(key)) continue;
      node.remove();
      this.drawn.delete(key);
    }
    let place = this.log.firstChild;
    for (const item of items) {
      const had = this.drawn.get(item.key);
      let node = had?.node;
      if (!node || had?.sign !== item.sign) {
        const fresh = item.make();
        if (node) {
          if (place === node) place = node.nextSibling;
          node.remove();
        }
        node = fresh;
        this.drawn.set(item.key, { sign: item.sign, node });
      }
      if (place === node) place = node.nextSibling;
      else this.log.insertBefore(node, place);
    }
  }
}

function joined(a: Line, b: Line): boolean {
  return a.mine === b.mine && a.alias === b.alias && b.at - a.at < together;
}

/** initial is what stands for a name in a circle: its first letter, which may be two units long. */
function initial(name: string): string {
  return /^./u.exec(name.trim())?.[0].toUpperCase() ?? "";
}

function linked(text: string): (Node | string)[] {
  return pieces(text).map((p) => (p.href ? h("a", { href: p.href, target: "_blank", rel: "noopener noreferrer nofollow" }, p.text) : p.text));
}
