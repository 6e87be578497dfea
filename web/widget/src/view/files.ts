// Pictures and files in the thread. They are fetched with the visitor's token into the page's memory, because an address that shows them without it would
// show them to whoever gets hold of the address.

import { h, icon } from "../dom";
import { size } from "../text";
import type { Words } from "../words";

/** What a picture or a file is shown from. */
export interface Shown {
  key: string;
  name: string;
  size: number;
  width?: number;
  height?: number;
  load: () => Promise<Blob>;
}

const widest = 240;
const highest = 260;

export class Files {
  private readonly held = new Map<string, Promise<Blob>>();

  constructor(
    private readonly root: Node,
    private readonly words: Words,
    /** grown is called when something took its final size. */
    private readonly grown: () => void,
  ) {}

  /** give puts a file there that does not have to be fetched. */
  give(key: string, blob: Blob): void {
    this.held.set(key, Promise.resolve(blob));
  }

  has(key: string): boolean {
    return this.held.has(key);
  }

  private blob(file: Shown): Promise<Blob> {
    let blob = this.held.get(file.key);
    if (!blob) {
      blob = file.load();
      this.held.set(file.key, blob);
      blob.catch(() => this.held.delete(file.key));
    }
    return blob;
  }

  picture(file: Shown): HTMLElement {
    const box = h("button", { type: "button", class: "picture", "aria-label": this.words.picture(file.name) });
    // The place is kept free before the picture is there, so that nothing jumps.
    if (file.width && file.height) {
      const scale = Math.min(1, widest / file.width, highest / file.height);
      box.style.setProperty("--w", `${Math.max(64, Math.round(file.width * scale))}px`);
      box.style.setProperty("--ratio", `${Math.max(64, Math.round(file.width * scale))} / ${Math.max(44, Math.round(file.height * scale))}`);
    }
    const show = (): void => {
      this.blob(file).then(
        async (blob) => {
          const image = await draw(blob, file.name);
          if (!image) {
            box.replaceWith(this.card(file));
            return;
          }
          if (!file.width) {
            const [width, height] = natural(image);
            const scale = Math.min(1, widest / width, highest / height);
            box.style.setProperty("--w", `${Math.max(64, Math.round(width * scale))}px`);
            box.style.setProperty("--ratio", `${width} / ${height}`);
          }
          box.classList.add("fading");
          box.replaceChildren(image);
          this.grown();
        },
        () => box.replaceWith(this.card(file, () => this.picture(file))),
      );
    };
    box.addEventListener("click", () => void this.look(file, box));
    whenSeen(box, show);
    return box;
  }

  /** card shows a file that is no picture, or a picture that could not be read (then again makes the next try). */
  card(file: Shown, again?: () => HTMLElement): HTMLElement {
    const detail = h("div", { class: "detail" }, again ? this.words.fileFailed : size(file.size));
    const card = h(
      "button",
      { type: "button", class: "card" },
      icon("file"),
      h("span", { class: "sr" }, this.words.saveFile),
      h("div", { class: "named" }, named(file.name), detail),
      icon("save"),
    );
    card.addEventListener("click", () => {
      if (again) {
        card.replaceWith(again());
        return;
      }
      detail.textContent = this.words.loading;
      this.save(file).then(
        () => (detail.textContent = size(file.size)),
        () => (detail.textContent = this.words.fileFailed),
      );
    });
    return card;
  }

  private async save(file: Shown): Promise<void> {
    const blob = await this.blob(file);
    // As bytes: whatever is in it, the page that the widget stands on must not run it.
    const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
    const link = h("a", { href: url, download: file.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  /** look shows a picture as large as the window allows. */
  private async look(file: Shown, from: HTMLElement): Promise<void> {
    const image = await draw(await this.blob(file), file.name).catch(() => undefined);
    if (!image) return;
    const close = (): void => {
      dialog.close();
      dialog.remove();
      from.focus();
    };
    const dialog = h(
      "dialog",
      { class: "look", "aria-label": file.name },
      h(
        "div",
        { class: "tools" },
        h("div", { class: "caption", dir: "auto" }, file.name),
        h("button", { type: "button", class: "tap", "aria-label": this.words.download(file.name), onclick: () => void this.save(file) }, icon("save")),
        h("button", { type: "button", class: "tap", "aria-label": this.words.close, onclick: close }, icon("close")),
      ),
      h("div", { class: "frame" }, image),
    );
    dialog.addEventListener("cancel", (e) => {
      e.preventDefault();
      close();
    });
    dialog.addEventListener("click", (e) => {
      if (e.target === dialog || (e.target as Element).classList.contains("frame")) close();
    });
    dialog.addEventListener("keydown", (e) => e.stopPropagation()); // Esc closes the picture, not the conversation
    this.root.appendChild(dialog);
    dialog.showModal();
  }
}

/** named keeps the ending of a long file name in sight: it says what the file is. */
export function named(name: string): HTMLElement {
  const dot = name.lastIndexOf(".");
  const cut = dot > 0 && name.length - dot <= 8 ? dot : name.length;
  return h("div", { class: "name", dir: "auto", title: name }, h("span", {}, name.slice(0, cut)), h("span", {}, name.slice(cut)));
}

/** draw makes an element of a picture: an img, or a canvas where the page's policy has no blob: for images. */
async function draw(blob: Blob, alt: string): Promise<HTMLElement | undefined> {
  const url = URL.createObjectURL(blob);
  const image = h("img", { alt, draggable: "false" });
  const loaded = await new Promise<boolean>((resolve) => {
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    image.src = url;
  });
  if (loaded) return image;
  URL.revokeObjectURL(url);
  try {
    const bitmap = await createImageBitmap(blob);
    const canvas = h("canvas", { role: "img", "aria-label": alt, width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    return canvas;
  } catch {
    return undefined;
  }
}

function natural(image: HTMLElement): [number, number] {
  if (image instanceof HTMLImageElement) return [image.naturalWidth || 1, image.naturalHeight || 1];
  if (image instanceof HTMLCanvasElement) return [image.width || 1, image.height || 1];
  return [1, 1];
}

/** whenSeen calls once, when an element comes near the screen. */
function whenSeen(node: Element, call: () => void): void {
  if (typeof IntersectionObserver === "undefined") {
    call();
    return;
  }
  const watch = new IntersectionObserver((seen) => {
    if (!seen.some((s) => s.isIntersecting)) return;
    watch.disconnect();
    call();
  });
  watch.observe(node);
}
