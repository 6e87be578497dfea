// Where the visitor writes. What is written or chosen here is never lost: it stays until it is sent, also over a reload.

import { type Chat, shown } from "../chat";
import { h, icon } from "../dom";
import { newID, type Part, part } from "../outbox";
import { bytes, size } from "../text";
import { members, text } from "../wire";
import type { Keep } from "../keep";
import type { Words } from "../words";
import { named } from "./files";
import type { Thread } from "./thread";

interface Chip {
  part: Part;
  file: Blob | undefined;
  /** Nobody answered; it is tried again when the message goes out. */
  waiting: boolean;
  url: string;
}

export class Composer {
  readonly element: HTMLFormElement;
  readonly field: HTMLTextAreaElement;
  private readonly tray: HTMLElement;
  private readonly hint: HTMLElement;
  private readonly go: HTMLButtonElement;
  private readonly chips = new Map<string, Chip>();
  private drawnTray = "";
  private composing = false;
  private tooLong = false;

  constructor(
    private readonly chat: Chat,
    private readonly keep: Keep,
    private readonly words: Words,
    private readonly thread: Thread,
  ) {
    this.field = h("textarea", { rows: 1, "aria-label": words.message, placeholder: words.write, dir: "auto", enterkeyhint: "send", autocomplete: "off" });
    this.tray = h("div", { class: "tray", hidden: true });
    this.hint = h("div", { class: "hint", role: "alert", hidden: true });
    this.go = h("button", { type: "submit", class: "go", "aria-label": words.send, title: words.send, disabled: true }, icon("send"));
    const picker = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1, "aria-hidden": "true" });
    picker.addEventListener("change", () => {
      this.add([...(picker.files ?? [])]);
      picker.value = "";
    });
    const clip = h("button", { type: "button", class: "tap", "aria-label": words.attach, title: words.attach, onclick: () => picker.click() }, icon("clip"));
    this.element = h("form", { novalidate: true }, this.tray, this.hint, h("div", { class: "line" }, clip, this.field, this.go), picker);
    this.element.addEventListener("submit", (e) => {
      e.preventDefault();
      this.submit();
    });
    this.field.addEventListener("input", () => {
      this.written();
      this.keepDraft();
    });
    this.field.addEventListener("compositionstart", () => (this.composing = true));
    this.field.addEventListener("compositionend", () => (this.composing = false));
    this.field.addEventListener("keydown", (e) => this.key(e));
    this.field.addEventListener("paste", (e) => this.paste(e));
    this.restore();
  }

  /** draw follows the progress of files. */
  draw(): void {
    const sign = [...this.chips.values()].map((c) => [c.part.key, c.part.upload !== "", c.part.refused, c.waiting].join()).join(";");
    if (sign !== this.drawnTray) {
      this.drawnTray = sign;
      this.tray.replaceChildren(...[...this.chips.values()].map((c) => this.chip(c)));
      this.tray.hidden = this.chips.size === 0;
    }
    for (const bar of this.tray.querySelectorAll<HTMLElement>("[data-part]")) bar.style.setProperty("--part", String(this.chat.progress(bar.dataset.part ?? "")));
    this.ready();
  }

  /** add takes files from the picker, from dropping and from pasting, and says of each why it cannot be taken. */
  add(files: File[]): void {
    const { fileBytes, files: most } = this.chat.limits;
    const troubles: string[] = [];
    for (const file of files) {
      if (this.chips.size >= most) {
        troubles.push(this.words.fileTooMany(most));
        break;
      }
      if (file.size === 0) troubles.push(this.words.fileEmpty(file.name));
      else if (file.size > fileBytes) troubles.push(this.words.fileTooLarge(file.name, size(fileBytes)));
      else this.take(file);
    }
    this.say(troubles);
    this.draw();
    this.keepDraft();
    this.field.focus();
  }

  say(troubles: string[]): void {
    this.hint.replaceChildren(...(troubles.length ? [icon("alert"), h("div", {}, ...troubles.map((t) => h("p", { dir: "auto" }, t)))] : []));
    this.hint.hidden = troubles.length === 0;
  }

  private take(file: File): void {
    const chip: Chip = { part: { key: newID(), name: file.name, type: file.type, size: file.size, upload: "", refused: "" }, file, waiting: false, url: "" };
    if (shown.test(file.type)) chip.url = URL.createObjectURL(file);
    this.chips.set(chip.part.key, chip);
    this.chat.attach(chip.part, file).then(
      (delivered) => this.delivered(delivered),
      () => {
        chip.waiting = true;
        this.draw();
      },
    );
  }

  private delivered(p: Part): void {
    const chip = this.chips.get(p.key);
    if (!chip) return;
    chip.part = p;
    this.keepDraft();
    this.draw();
  }

  private chip(c: Chip): HTMLElement {
    const w = this.words;
    const detail = c.part.refused || (c.waiting ? `${size(c.part.size)} · ${w.fileWaiting}` : size(c.part.size));
    const remove = (): void => {
      this.chips.delete(c.part.key);
      this.chat.forget(c.part.key);
      if (c.url) URL.revokeObjectURL(c.url);
      this.say([]);
      this.draw();
      this.keepDraft();
      this.field.focus();
    };
    return h(
      "div",
      { class: c.part.refused ? "chip bad" : "chip" },
      c.url ? h("img", { src: c.url, alt: "" }) : icon("file"),
      h("div", { class: "named" }, named(c.part.name), h("div", { class: "detail" }, detail)),
      h("button", { type: "button", class: "tap", "aria-label": w.removeFile(c.part.name), onclick: remove }, icon("close")),
      !c.part.upload && !c.part.refused && h("span", { class: "bar", "data-part": c.part.key }),
    );
  }

  private get parts(): Part[] {
    return [...this.chips.values()].filter((c) => !c.part.refused).map((c) => c.part);
  }

  private get over(): number {
    return bytes(this.field.value) - this.chat.limits.textBytes;
  }

  private ready(): void {
    this.go.disabled = (this.field.value.trim() === "" && this.parts.length === 0) || this.over > 0;
  }

  private written(): void {
    const f = this.field;
    f.style.height = "auto";
    f.style.height = `${Math.min(140, Math.max(44, f.scrollHeight))}px`;
    f.style.overflowY = f.scrollHeight > 140 ? "auto" : "hidden";
    const over = this.over;
    if (over > 0) this.say([this.words.tooLong(Math.ceil((over * f.value.length) / bytes(f.value)))]);
    else if (this.tooLong) this.say([]); // what was said about files stays until it can have been read
    this.tooLong = over > 0;
    this.ready();
  }

  private key(e: KeyboardEvent): void {
    if (e.key !== "Enter" || e.shiftKey) return;
    // While an input method has the keyboard, Enter chooses a word. Safari ends the composition before it tells of the key; its 229 shows what it was.
    if (e.isComposing || this.composing || e.keyCode === 229) return;
    e.preventDefault();
    this.submit();
  }

  private paste(e: ClipboardEvent): void {
    const data = e.clipboardData;
    // Office programs put a picture of the text beside the text: the text is meant.
    if (!data || data.files.length === 0 || data.types.includes("text/plain")) return;
    e.preventDefault();
    this.add([...data.files]);
  }

  private submit(): void {
    const written = this.field.value.trim();
    const parts = this.parts;
    if ((!written && parts.length === 0) || this.over > 0) return;
    for (const c of this.chips.values()) {
      if (c.file) this.thread.show(c.part, c.file);
      if (c.url) URL.revokeObjectURL(c.url);
    }
    this.chips.clear();
    this.field.value = "";
    this.say([]);
    this.written();
    this.draw();
    this.keepDraft();
    this.chat.send(written, parts);
  }

  private keepDraft(): void {
    const parts = [...this.chips.values()].map((c) => c.part);
    this.keep.set("draft", this.field.value || parts.length ? JSON.stringify({ text: this.field.value, parts }) : "");
  }

  private restore(): void {
    const kept = members(this.keep.json("draft"));
    this.field.value = text(kept.text);
    for (const p of Array.isArray(kept.parts) ? kept.parts.map(part) : []) {
      if (!p.key) continue;
      this.chips.set(p.key, { part: p, file: undefined, waiting: false, url: "" });
      void this.chat.resume(p).then(
        (delivered) => this.delivered(delivered),
        () => {
          const chip = this.chips.get(p.key);
          if (chip) chip.waiting = true;
          this.draw();
        },
      );
    }
    this.draw();
    requestAnimationFrame(() => this.written());
  }
}
