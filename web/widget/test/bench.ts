// What the tests share: one fake server, pages that visit it, and a clock that runs as fast as it is asked to.

import { vi } from "vitest";
import { Api } from "../src/api";
import { Blobs } from "../src/blobs";
import { Chat } from "../src/chat";
import { Keep } from "../src/keep";
import { words } from "../src/words";
import { FakeServer } from "./fake";

export const server = "https://bida.test";
export const zh = words("zh", "", []);

export function begin(): FakeServer {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  localStorage.clear();
  const fake = new FakeServer();
  vi.stubGlobal("fetch", fake.fetch);
  vi.stubGlobal(
    "XMLHttpRequest",
    class {
      upload: { onprogress?: (e: { lengthComputable: boolean; loaded: number; total: number }) => void } = {};
      status = 0;
      responseText = "";
      onload?: () => void;
      onerror?: () => void;
      onabort?: () => void;
      onloadend?: () => void;
      private url = "";
      private readonly headers: Record<string, string> = {};
      open(_: string, url: string): void {
        this.url = url;
      }
      setRequestHeader(name: string, value: string): void {
        this.headers[name] = value;
      }
      getResponseHeader(): null {
        return null;
      }
      abort(): void {
        this.onabort?.();
        this.onloadend?.();
      }
      send(body: Blob): void {
        this.upload.onprogress?.({ lengthComputable: true, loaded: body.size / 2, total: body.size });
        fake.fetch(this.url, { method: "POST", headers: this.headers, body }).then(
          async (r) => {
            this.status = r.status;
            this.responseText = await r.text();
            this.onload?.();
            this.onloadend?.();
          },
          () => {
            this.onerror?.();
            this.onloadend?.();
          },
        );
      }
    },
  );
  return fake;
}

const running = new Set<Chat>();

/** watch sees to it that a conversation ends with its test. */
export function watch(chat: Chat): Chat {
  running.add(chat);
  return chat;
}

export async function end(): Promise<void> {
  for (const chat of running) chat.stop();
  running.clear();
  await vi.advanceTimersByTimeAsync(1_000); // what was under way comes to its end at the fake server
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.restoreAllMocks();
  document.body.replaceChildren();
}

/** until lets time pass until something holds, and fails when it does not within two minutes of the page's clock. */
export async function until(holds: () => boolean, what = String(holds)): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (holds()) return;
    await vi.advanceTimersByTimeAsync(100);
  }
  throw new Error(`never: ${what}`);
}

export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

export interface Page {
  chat: Chat;
  keep: Keep;
}

/** visit is what a page load does, as far as the conversation goes. */
export function visit(open = true): Page {
  const prefix = `bida:${server}:web:`;
  const keep = new Keep(prefix);
  const chat = watch(new Chat(new Api(server, "web", zh.lang), keep, new Blobs(prefix), zh, ""));
  chat.start();
  chat.look(open, true);
  return { chat, keep };
}

/** leave is what closing a page does: whatever it was doing stops. */
export function leave(page: Page): void {
  page.chat.look(false, false);
  page.chat.stop();
}

export function texts(chat: Chat): string[] {
  return [...chat.messages.map((m) => m.text), ...chat.entries.map((e) => `(${e.text})`)];
}
