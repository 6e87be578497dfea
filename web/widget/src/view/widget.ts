// The widget on a page: the bubble, and the panel that it opens. Everything is inside a shadow root, so that neither side's styles reach the other's.

import type { Chat } from "../chat";
import { accents, parse } from "../color";
import { h, icon, set } from "../dom";
import type { Keep } from "../keep";
import type { Options } from "../options";
import sheet from "../style.css?inline";
import type { Words } from "../words";
import { Composer } from "./composer";
import { Thread } from "./thread";

const phone = "(max-width: 520px), (max-height: 480px) and (pointer: coarse)";

export class Widget {
  readonly host: HTMLElement;
  private readonly shadow: ShadowRoot;
  private readonly root: HTMLElement;
  private readonly bubble: HTMLButtonElement;
  private readonly badge: HTMLElement;
  private readonly small = matchMedia(phone);
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly title = document.title;
  private panel: Panel | undefined;
  private opened = false;
  private pageOverflow = "";

  constructor(
    private readonly chat: Chat,
    private readonly keep: Keep,
    private readonly words: Words,
    private readonly options: Options,
  ) {
    this.host = h("div", { lang: words.lang, "data-bida": options.inbox, "data-mode": options.page ? "page" : undefined });
    this.shadow = this.host.attachShadow({ mode: "open" });
    style(this.shadow, options.nonce);
    this.badge = h("span", { class: "badge", hidden: true, "aria-hidden": "true" });
    this.bubble = h("button", { type: "button", class: "bubble", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => this.toggle() }, icon("chat"), this.badge);
    this.root = h("div", { class: options.page ? "root page" : "root" }, !options.page && this.bubble);
    this.shadow.append(this.root);

    const color = parse(options.color);
    if (color) for (const [name, value] of Object.entries(accents(color))) this.host.style.setProperty(name, value);
    const theme = (): void => this.host.setAttribute("data-theme", options.theme || (this.dark.matches ? "dark" : "light"));
    this.dark.addEventListener("change", theme);
    theme();

    this.small.addEventListener("change", () => this.fit());
    for (const what of ["resize", "scroll"]) window.visualViewport?.addEventListener(what, () => this.fit());
    for (const what of ["visibilitychange", "pageshow"]) document.addEventListener(what, () => this.look());
    window.addEventListener("online", () => chat.online(true));
    window.addEventListener("offline", () => chat.online(false));
    // The hand is on its way: the panel is made, and what it will say is fetched.
    const early = (): void => {
      this.make();
      void chat.learn();
    };
    this.bubble.addEventListener("pointerenter", early, { once: true });
    chat.subscribe(() => this.draw());
  }

  mount(parent: Element): void {
    parent.append(this.host);
    if (this.options.page) this.open(false);
    else if (this.keep.get("open") === "1" && !this.small.matches) this.open(false); // goes along from page to page of a shop
    this.draw();
  }

  open(focus = true): void {
    if (this.opened) return;
    this.opened = true;
    const panel = this.make();
    panel.element.hidden = false;
    if (!this.options.page) this.keep.set("open", "1");
    this.fit();
    this.look();
    this.draw();
    panel.toEnd();
    // On a phone the keyboard would cover half of what the visitor came to read.
    if (focus) (this.small.matches ? panel.element : panel.field).focus({ preventScroll: true });
  }

  private make(): Panel {
    if (this.panel) return this.panel;
    this.panel = new Panel(this.chat, this.keep, this.words, this.options, this.shadow, () => this.close());
    this.panel.element.hidden = true;
    this.root.append(this.panel.element);
    return this.panel;
  }

  close(): void {
    if (!this.opened || this.options.page) return;
    this.opened = false;
    this.keep.set("open", "");
    if (this.panel) this.panel.element.hidden = true;
    this.fit();
    this.look();
    this.draw();
    this.bubble.focus({ preventScroll: true });
  }

  private toggle(): void {
    if (this.opened) this.close();
    else this.open();
  }

  private get looking(): boolean {
    return this.opened && document.visibilityState === "visible";
  }

  private look(): void {
    this.chat.look(this.opened, document.visibilityState === "visible");
    this.draw();
  }

  /** fit fills a phone's screen, as much of it as the keyboard leaves. */
  private fit(): void {
    const fills = this.small.matches;
    this.root.classList.toggle("phone", fills);
    this.bubble.hidden = fills && this.opened;
    this.panel?.fit(fills, !this.options.page && fills);
    if (this.options.page) return;
    // The page behind must not scroll away under the finger.
    const page = document.documentElement.style;
    if (fills && this.opened && page.overflow !== "hidden") {
      this.pageOverflow = page.overflow;
      page.overflow = "hidden";
    } else if (!(fills && this.opened) && page.overflow === "hidden") page.overflow = this.pageOverflow;
  }

  private draw(): void {
    const unread = this.looking ? 0 : this.chat.unread;
    this.badge.hidden = unread === 0;
    this.badge.textContent = unread > 99 ? "99+" : String(unread);
    const label = this.opened ? this.words.close : unread ? this.words.openUnread(unread) : this.words.open;
    set(this.bubble, { "aria-label": label, title: label, "aria-expanded": String(this.opened) });
    const shows = this.opened ? "down" : "chat";
    if (!this.bubble.querySelector(`.${shows}`)) this.bubble.replaceChild(icon(shows), this.bubble.firstChild as Node);
    if (this.options.page) document.title = unread ? `(${unread}) ${this.title}` : this.title;
    if (this.opened) this.panel?.draw(this.looking);
  }
}

/** The conversation itself. */
class Panel {
  readonly element: HTMLElement;
  readonly field: HTMLTextAreaElement;
  private readonly heading: HTMLElement;
  private readonly sub: HTMLElement;
  private readonly dot: HTMLElement;
  private readonly line: HTMLElement;
  private readonly strip: HTMLElement;
  private readonly stripText: HTMLElement;
  private readonly again: HTMLButtonElement;
  private readonly over: HTMLElement;
  private readonly thread: Thread;
  private readonly composer: Composer;
  private modal = false;
  private troubleSince = 0;
  private ticking: ReturnType<typeof setTimeout> | undefined;
  private dragged = 0;

  constructor(
    private readonly chat: Chat,
    keep: Keep,
    private readonly words: Words,
    private readonly options: Options,
    shadow: ShadowRoot,
    close: () => void,
  ) {
    this.thread = new Thread(chat, words, shadow);
    this.composer = new Composer(chat, keep, words, this.thread);
    this.field = this.composer.field;
    this.heading = h("h2", { id: "bida-title", dir: "auto" });
    this.dot = h("span", { class: "dot" });
    this.line = h("span", { class: "sr" });
    this.sub = h("span", { dir: "auto" });
    this.stripText = h("span", { role: "status" });
    this.again = h("button", { type: "button", class: "link", onclick: () => chat.retryNow() }, words.retryNow);
    this.strip = h("div", { class: "strip", hidden: true }, this.stripText, this.again);
    this.over = h("div", { class: "over", hidden: true }, words.drop);
    const shut = h("button", { type: "button", class: "tap", "aria-label": words.close, title: words.close, onclick: close }, icon("close"));
    this.element = h(
      "section",
      { class: "panel", role: options.page ? "region" : "dialog", "aria-labelledby": "bida-title", tabindex: -1 },
      h("header", {}, h("div", { class: "titles" }, this.heading, h("p", { class: "sub" }, this.dot, this.line, this.sub)), !options.page && shut),
      this.strip,
      this.thread.element,
      this.composer.element,
      this.over,
    );
    this.element.addEventListener("keydown", (e) => {
      if (e.key === "Escape" && !e.isComposing && !options.page) {
        e.stopPropagation();
        close();
      } else if (e.key === "Tab" && this.modal) this.turn(e, shadow);
    });
    this.drops();
  }

  toEnd(): void {
    this.thread.toEnd();
  }

  fit(fills: boolean, modal: boolean): void {
    this.modal = modal;
    set(this.element, { "aria-modal": modal ? "true" : false });
    const view = window.visualViewport;
    this.element.classList.toggle("sized", fills && view !== null);
    if (fills && view) {
      this.element.style.setProperty("--view-top", `${view.offsetTop}px`);
      this.element.style.setProperty("--view-height", `${view.height}px`);
    }
  }

  draw(looking: boolean): void {
    this.heading.textContent = this.options.title || this.chat.info?.title || this.words.title;
    this.sub.textContent = this.status();
    this.lineState();
    this.thread.draw(looking);
    this.composer.draw();
  }

  private status(): string {
    const w = this.words;
    const { conversation, info } = this.chat;
    if (conversation.status === "served") return w.servedBy(conversation.alias);
    if (conversation.status === "waiting") return info?.canReceive === "later" ? w.leftMessage : w.waiting;
    if (!info) return w.leave;
    if (!info.open) return w.closed;
    return info.canReceive === "now" ? w.online : w.leave;
  }

  /** lineState says when the line is down. A short interruption that nobody would have noticed is not told. */
  private lineState(): void {
    const w = this.words;
    const { link, retryAt } = this.chat;
    clearTimeout(this.ticking);
    this.dot.classList.toggle("on", link === "live" || link === "polling" || (link === "idle" && this.chat.info?.canReceive === "now"));
    this.dot.title = link === "live" ? w.live : "";
    this.line.textContent = link === "live" ? w.live : "";
    const down = link === "offline" || (link === "connecting" && this.troubleSince > 0);
    if (link === "live" || link === "polling" || link === "idle") this.troubleSince = 0;
    else if (link === "offline" && !this.troubleSince) this.troubleSince = Date.now();
    const wait = Math.ceil((retryAt - Date.now()) / 1000);
    const text = this.chat.gone ? w.gone : down ? (wait > 2 ? w.offlineFor(wait) : w.reconnecting) : link === "polling" ? w.polling : "";
    this.strip.hidden = text === "";
    this.strip.classList.toggle("calm", link === "polling");
    this.again.hidden = this.chat.gone || !(down && wait > 2);
    // A screen reader is told that the line is down, not every second of it.
    if (this.stripText.textContent !== text) this.stripText.textContent = text;
    this.stripText.setAttribute("aria-live", down && wait > 2 ? "off" : "polite");
    if (down) this.ticking = setTimeout(() => this.lineState(), 1000);
  }

  /** turn keeps Tab inside while the panel fills the screen. */
  private turn(e: KeyboardEvent, shadow: ShadowRoot): void {
    const stops = [...this.element.querySelectorAll<HTMLElement>("button:not(:disabled), textarea, a[href], input:not([hidden]), [tabindex='0']")].filter((n) => n.offsetParent !== null);
    const first = stops[0];
    const last = stops[stops.length - 1];
    const at = shadow.activeElement;
    if (!first || !last) return;
    if (e.shiftKey && (at === first || at === this.element)) {
      e.preventDefault();
      last.focus();
    } else if (!e.shiftKey && at === last) {
      e.preventDefault();
      first.focus();
    }
  }

  private drops(): void {
    const files = (e: DragEvent): boolean => e.dataTransfer?.types.includes("Files") ?? false;
    const end = (): void => {
      this.dragged = 0;
      this.over.hidden = true;
    };
    this.element.addEventListener("dragenter", (e) => {
      if (!files(e)) return;
      this.dragged++;
      this.over.hidden = false;
    });
    this.element.addEventListener("dragover", (e) => {
      if (files(e)) e.preventDefault();
    });
    this.element.addEventListener("dragleave", (e) => {
      if (files(e) && --this.dragged <= 0) end();
    });
    this.element.addEventListener("drop", (e) => {
      if (!files(e)) return;
      e.preventDefault();
      end();
      const items = [...(e.dataTransfer?.items ?? [])];
      const folder = items.some((i) => i.webkitGetAsEntry()?.isDirectory);
      if (folder) this.composer.say([this.words.folder]);
      else this.composer.add([...(e.dataTransfer?.files ?? [])]);
    });
  }
}

/** style uses a constructed sheet, which no content security policy forbids; old browsers get an element with the script's nonce. */
function style(shadow: ShadowRoot, nonce: string): void {
  try {
    const made = new CSSStyleSheet();
    made.replaceSync(sheet);
    shadow.adoptedStyleSheets = [made];
  } catch {
    const element = h("style", nonce ? { nonce } : {}, sheet);
    shadow.append(element);
  }
}
