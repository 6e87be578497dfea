import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import { api, queries } from "../../app/api";

export type Intercepted = Schemas["Intercepted"];
export type Proposal = Schemas["Proposal"];
export type State = Intercepted["state"];

export const interceptedQuery = (state: State, inbox: string) => infiniteQueryOptions({
  queryKey: ["quarantine", "list", state, inbox],
  queryFn: ({ pageParam, signal }) => ask(api.GET("/quarantine", {
    params: { query: { state, limit: 50, ...(inbox === "" ? {} : { inbox }), ...(pageParam === "" ? {} : { cursor: pageParam }) } }, signal,
  })),
  initialPageParam: "",
  getNextPageParam: (last) => last.cursor ?? undefined,
  refetchInterval: 15_000,
});

/** One message with why it was intercepted. */
export const whyQuery = (id: string) => queryOptions({
  queryKey: ["quarantine", "one", id],
  queryFn: ({ signal }) => ask(api.GET("/quarantine/{id}", { params: { path: { id } }, signal })),
  staleTime: 60_000,
});

export const notSpamQuery = (id: string, language: string) => queryOptions({
  queryKey: ["quarantine", "not-spam", id, language],
  queryFn: ({ signal }) => ask(api.GET("/quarantine/{id}/not-spam", { params: { path: { id } }, signal })),
  staleTime: 0,
});

export const filtersQuery = queryOptions({
  queryKey: ["filters"],
  queryFn: ({ signal }) => ask(api.GET("/filters", { signal })),
  refetchInterval: 30_000,
});

/** The inboxes by name, with what people call them. */
export const inboxesQuery = queryOptions({
  queryKey: ["filters", "inboxes"],
  queryFn: async ({ signal }) => {
    const { documents } = await ask(api.GET("/policy", { signal }));
    return documents.filter((d) => d.kind === "inbox").map((d) => ({ name: d.name, title: typeof d.spec["title"] === "string" && d.spec["title"] !== "" ? d.spec["title"] : d.name }));
  },
  staleTime: 60_000,
});

export async function release(id: string): Promise<void> {
  await ask(api.POST("/messages/{id}/release", { params: { path: { id } } }));
  await queries.invalidateQueries({ queryKey: ["quarantine"] });
}

/** applyProposal writes the rule as proposed, against the revision at which it was. */
export async function applyProposal(p: Proposal): Promise<number> {
  const written = await ask(api.PUT("/policy/documents/{kind}/{name}", {
    params: { path: { kind: p.document.kind, name: p.document.name }, header: { "If-Match": `"${p.document.revision}"` } }, body: { spec: p.document.spec },
  }));
  await Promise.all([queries.invalidateQueries({ queryKey: ["quarantine"] }), queries.invalidateQueries({ queryKey: ["filters"] })]);
  return written.revision;
}
