import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import { api, queries } from "../../app/api";
import { extend, merge, refresh, type MessagePage, type Thread } from "./thread";

export type Conversation = Schemas["Conversation"];
export type Receiver = Schemas["Receiver"];
export type Tab = "mine" | "waiting" | "open" | "resolved";
export const tabs: readonly Tab[] = ["mine", "waiting", "open", "resolved"];

const pageSize = 100;
const messagePage = 50;

/** A list of conversations in pieces, with the counts of all lists. */
export const listQuery = (tab: Tab) => infiniteQueryOptions({
  queryKey: ["conversations", tab],
  queryFn: ({ signal, pageParam }) => ask(api.GET("/conversations", { signal, params: { query: { state: tab, limit: pageSize, ...(pageParam === "" ? {} : { cursor: pageParam }) } } })),
  initialPageParam: "",
  getNextPageParam: (last) => last.cursor ?? undefined,
  refetchInterval: 60_000,
});

export const conversationQuery = (id: string) => queryOptions({
  queryKey: ["conversation", id],
  queryFn: ({ signal }) => ask(api.GET("/conversations/{id}", { signal, params: { path: { id } } })),
});

const readBefore = (id: string, signal?: AbortSignal) => async (before: number): Promise<MessagePage> => {
  const page = await ask(api.GET("/conversations/{id}/messages", { ...(signal ? { signal } : {}), params: { path: { id }, query: { before, limit: messagePage } } }));
  return { messages: page.messages, older: page.cursor !== null };
};

/** The messages of a conversation: reading it again adds what is new to what is known. */
export const threadQuery = (id: string) => queryOptions({
  queryKey: ["thread", id],
  queryFn: ({ signal }) => refresh(readBefore(id, signal), queries.getQueryData<Thread>(["thread", id])),
});

/** readOlder adds the page before what is known. */
export async function readOlder(id: string): Promise<void> {
  const known = queries.getQueryData<Thread>(["thread", id]);
  if (!known?.older) return;
  const longer = await extend(readBefore(id), known);
  queries.setQueryData<Thread>(["thread", id], (now) => ({ messages: merge(longer.messages, now?.messages ?? []), older: longer.older }));
}

export const receiversQuery = (id: string) => queryOptions({
  queryKey: ["receivers", id],
  queryFn: ({ signal }) => ask(api.GET("/conversations/{id}/receivers", { signal, params: { path: { id } } })),
});

export type Action = "accept" | "resolve" | "release";

/** act carries an action out once, whatever becomes of its answers. */
export async function act(id: string, action: Action): Promise<void> {
  const body = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
  const params = { path: { id } };
  switch (action) {
    case "accept": return moved(ask(api.POST("/conversations/{id}/accept", { params, body })));
    case "resolve": return moved(ask(api.POST("/conversations/{id}/resolve", { params, body })));
    case "release": return moved(ask(api.POST("/conversations/{id}/release", { params, body })));
  }
}

export async function transfer(id: string, to: string): Promise<void> {
  return moved(ask(api.POST("/conversations/{id}/transfer", { params: { path: { id } }, body: { to } })));
}

/** snooze sets a conversation aside until an instant; without one it is taken up again. */
export async function snooze(id: string, until?: Date): Promise<void> {
  const params = { path: { id } };
  return moved(until ? ask(api.POST("/conversations/{id}/snooze", { params, body: { until: until.toISOString() } })) : ask(api.POST("/conversations/{id}/wake", { params, body: {} })));
}

async function moved(answer: Promise<Conversation>): Promise<void> {
  const c = await answer;
  queries.setQueryData(["conversation", c.id], c);
  await queries.invalidateQueries({ queryKey: ["conversations"] });
}
