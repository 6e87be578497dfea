// The widget as a page loads it: one script tag with data-inbox. docs/widget.md is for whoever embeds it.

import { Api } from "./api";
import { Blobs } from "./blobs";
import { Chat } from "./chat";
import { Keep } from "./keep";
import { type Options, read } from "./options";
import { Widget } from "./view/widget";
import { words } from "./words";

/** What a page may call: its own "contact us" link, for example. */
interface Handle {
  open: () => void;
  close: () => void;
}

declare global {
  interface Window {
    Bida?: Handle;
  }
}

function start(options: Options, script: HTMLScriptElement): void {
  // A page that loads the script twice gets one widget.
  if (document.querySelector(`[data-bida="${CSS.escape(options.inbox)}"]`)) return;
  const said = words(options.lang, document.documentElement.lang, navigator.languages);
  const prefix = `bida:${options.server}:${options.inbox}:`;
  const keep = new Keep(prefix);
  const chat = new Chat(new Api(options.server, options.inbox, said.lang), keep, new Blobs(prefix), said, options.name);
  const widget = new Widget(chat, keep, said, options);
  window.Bida = { open: () => widget.open(), close: () => widget.close() };
  widget.mount((options.page && script.parentElement) || document.body);
  chat.start();
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement) {
  const options = read(script);
  if (!options) console.error("Bida: the script tag needs data-inbox, the name of an inbox");
  else if ((document.body as HTMLElement | null)) start(options, script);
  else document.addEventListener("DOMContentLoaded", () => start(options, script));
}
