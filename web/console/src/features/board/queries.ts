import { queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";

export type Conversation = Schemas["Conversation"];
export type Spec = Readonly<Record<string, unknown>>;

/** The open conversations that an agent has. */
export const heldQuery = (owner: string) => queryOptions({
  queryKey: ["board", "held", owner],
  queryFn: async ({ signal }) => (await ask(api.GET("/conversations", { params: { query: { owner, limit: 100 } }, signal }))).conversations,
});

/** Who could have conversations: the colleagues who can have one of each sort. Those of one owner, inbox and kind have the same receivers. */
export const takersQuery = (conversations: readonly Conversation[]) => {
  const samples = [...new Map(conversations.map((c) => [`${c.inbox} ${c.kind}`, c.id])).values()];
  return queryOptions({
    queryKey: ["board", "takers", samples],
    queryFn: async ({ signal }) => {
      const lists = await Promise.all(samples.map(async (id) => (await ask(api.GET("/conversations/{id}/receivers", { params: { path: { id } }, signal }))).receivers.filter((r) => r.can)));
      return (lists[0] ?? []).filter((r) => lists.every((l) => l.some((x) => x.account === r.account)));
    },
    enabled: samples.length > 0,
  });
};

export const settingQuery = (kind: string, name: string) => queryOptions({
  queryKey: ["board", "setting", kind, name],
  queryFn: async ({ signal }) => {
    const d = await ask(api.GET("/policy/documents/{kind}/{name}", { params: { path: { kind, name }, query: {} }, signal }));
    return { spec: d.spec, revision: d.revision };
  },
  staleTime: 0,
});

/** What saving a document would do, in sentences. */
export const effectQuery = (kind: string, name: string, spec: Spec | undefined, language: Language) => queryOptions({
  queryKey: ["board", "effect", kind, name, spec, language],
  queryFn: ({ signal }) => ask(api.POST("/policy/preview", { body: { documents: [{ kind, name, spec: { ...spec } }] }, signal })),
  enabled: spec !== undefined,
  staleTime: 15_000,
});

/** save writes a document against the revision that it was read at. */
export async function save(kind: string, name: string, spec: Spec, revision: number): Promise<void> {
  await ask(api.PUT("/policy/documents/{kind}/{name}", { params: { path: { kind, name }, header: { "If-Match": `"${revision}"` } }, body: { spec: { ...spec } } }));
}
