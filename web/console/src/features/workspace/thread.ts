import type { Schemas } from "@bida/shared/api";

export type Message = Schemas["Message"];

/** What is known of a conversation's messages: an unbroken run of sequences up to the newest. */
export interface Thread {
  readonly messages: readonly Message[];
  /** Older messages exist. */
  readonly older: boolean;
}

/** A page of messages as the server gives it when it is read backwards. */
export interface MessagePage {
  readonly messages: readonly Message[];
  readonly older: boolean;
}

export type ReadBefore = (before: number) => Promise<MessagePage>;

/** Larger than every sequence: where reading back begins. */
export const newest = Number.MAX_SAFE_INTEGER;

const mostPages = 4; // that are read to close a gap

/** merge puts messages in order, each sequence once; what was read later wins, since the state of a reply moves on. */
export function merge(known: readonly Message[], page: readonly Message[]): readonly Message[] {
  const bySequence = new Map<number, Message>();
  for (const m of known) bySequence.set(m.sequence, m);
  for (const m of page) bySequence.set(m.sequence, m);
  return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
}

/** unbroken is the run of messages up to the newest without a gap. */
export function unbroken(messages: readonly Message[]): readonly Message[] {
  for (let i = messages.length - 1; i > 0; i--) {
    if (messages[i - 1]?.sequence !== (messages[i]?.sequence ?? 0) - 1) return messages.slice(i);
  }
  return messages;
}

/** refresh reads the newest messages and closes the gap to what is known. Where too much came meanwhile, what is older is read again when it is asked for. */
export async function refresh(read: ReadBefore, known?: Thread): Promise<Thread> {
  let page = await read(newest);
  let messages = merge(known?.messages ?? [], page.messages);
  const first = known?.messages[0]?.sequence;
  for (let pages = 1; pages < mostPages; pages++) {
    const run = unbroken(messages);
    if (run.length === messages.length || page.messages.length === 0) break;
    page = await read(run[0]?.sequence ?? newest);
    messages = merge(messages, page.messages);
  }
  const run = unbroken(messages);
  const complete = known !== undefined && run[0]?.sequence === first;
  return { messages: run, older: complete ? known.older : (run[0]?.sequence ?? 1) > 1 };
}

/** extend reads what is older than what is known. */
export async function extend(read: ReadBefore, known: Thread): Promise<Thread> {
  const page = await read(known.messages[0]?.sequence ?? newest);
  return { messages: merge(known.messages, page.messages), older: page.older };
}

/** Something that lies between the messages of a thread, at an instant: what was taken back, say. */
export interface Remark {
  readonly id: string;
  readonly at: string;
  readonly text: string;
}

/** A message on its way, as far as a thread shows it. */
export interface Sending {
  readonly id: string;
  readonly at: string;
  /** Known when the server has it. */
  readonly message?: string;
}

export type Item<S extends Sending = Sending> =
  | { readonly type: "day"; readonly key: string; readonly at: string }
  | { readonly type: "new"; readonly key: string; readonly count: number }
  | { readonly type: "message"; readonly key: string; readonly message: Message; readonly follows: boolean }
  | { readonly type: "line"; readonly key: string; readonly message: Message }
  | { readonly type: "remark"; readonly key: string; readonly remark: Remark }
  | { readonly type: "sending"; readonly key: string; readonly sending: S };

const together = 5 * 60_000; // within which one writer's messages stand together

const dayOf = (at: string): string => {
  const t = new Date(at);
  return `${t.getFullYear()}-${t.getMonth()}-${t.getDate()}`;
};

const writerOf = (m: Message): string => `${m.direction} ${m.author ?? ""}`;

interface Lay<S extends Sending> {
  readonly messages: readonly Message[];
  readonly sending?: readonly S[];
  readonly remarks?: readonly Remark[];
  /** Who looks: own messages that the server has are not shown a second time as sending. */
  readonly account: string;
  /** The sequence up to which the person had read when the thread was opened; undefined if everything is new, and nothing is marked. */
  readonly read?: number;
}

/** lay puts everything that a thread shows in order: days, messages, what is new, remarks, and at the end what is on its way. */
export function lay<S extends Sending>({ messages, sending = [], remarks = [], account, read }: Lay<S>): readonly Item<S>[] {
  const items: Item<S>[] = [];
  const left = [...remarks].sort((a, b) => a.at.localeCompare(b.at));
  const news = read === undefined ? [] : messages.filter((m) => m.sequence > read && m.author !== account && m.direction !== "system");
  const firstNew = news[0]?.sequence;
  let previous: Message | undefined;
  let day = "";
  const remark = (until: number): void => {
    while (left[0] !== undefined && new Date(left[0].at).getTime() < until) {
      const r = left.shift();
      if (r) items.push({ type: "remark", key: `remark ${r.id}`, remark: r });
      previous = undefined;
    }
  };
  for (const m of messages) {
    remark(new Date(m.at).getTime());
    if (dayOf(m.at) !== day) {
      day = dayOf(m.at);
      items.push({ type: "day", key: `day ${day} ${m.sequence}`, at: m.at });
      previous = undefined;
    }
    if (m.sequence === firstNew) {
      items.push({ type: "new", key: "new", count: news.length });
      previous = undefined;
    }
    if (m.direction === "system") {
      items.push({ type: "line", key: m.id, message: m });
      previous = undefined;
      continue;
    }
    const follows = previous !== undefined && writerOf(previous) === writerOf(m) && new Date(m.at).getTime() - new Date(previous.at).getTime() < together;
    items.push({ type: "message", key: m.id, message: m, follows });
    previous = m;
  }
  remark(Infinity);
  for (const s of onTheirWay(sending, messages, account)) items.push({ type: "sending", key: `sending ${s.id}`, sending: s });
  return items;
}

/** onTheirWay leaves out what the thread has already, by the server's id or, where the answer was lost, by the writer's own. */
export function onTheirWay<S extends Sending>(sending: readonly S[], messages: readonly Message[], account: string): readonly S[] {
  const ids = new Set(messages.map((m) => m.id));
  const own = new Set(messages.filter((m) => m.author === account).map((m) => m.sender_id));
  return sending.filter((s) => !own.has(s.id) && (s.message === undefined || !ids.has(s.message)));
}
