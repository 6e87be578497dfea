import { queryOptions } from "@tanstack/react-query";
import { ApiError, ask, type Schemas } from "@bida/shared/api";
import { api, queries } from "../../app/api";
import type { Spec } from "../agents/edit";

export type Document = Schemas["Document"];
export type Policy = Schemas["Policy"];
export type Alteration = Schemas["Alteration"];
export type Impact = Schemas["Impact"];
export type Revision = Schemas["Revision"];

/** Everything that decides who receives what, as it is now. */
export const policyQuery = queryOptions({
  queryKey: ["reception", "policy"],
  queryFn: ({ signal }) => ask(api.GET("/policy", { signal })),
  refetchInterval: 30_000,
});

/** What in it has no effect, or was probably forgotten, in the language of the page. */
export const deadRulesQuery = (language: string) => queryOptions({
  queryKey: ["reception", "dead", language],
  queryFn: ({ signal }) => ask(api.GET("/policy/dead-rules", { signal })),
  staleTime: 60_000,
});

/** A document as it is, was at a revision, or belongs to the program. */
export const documentQuery = (kind: string, name: string) => queryOptions({
  queryKey: ["reception", "document", kind, name],
  queryFn: () => readDocument(kind, name),
});

export async function readDocument(kind: string, name: string, revision?: number): Promise<Document> {
  return ask(api.GET("/policy/documents/{kind}/{name}", { params: { path: { kind, name }, query: revision === undefined ? {} : { revision } } }));
}

/** The changes of a document among the last revisions, newest first. */
export const historyQuery = (kind: string, name: string) => queryOptions({
  queryKey: ["reception", "history", kind, name],
  queryFn: async ({ signal }) => {
    const { revisions, cursor } = await ask(api.GET("/policy/revisions", { params: { query: { limit: 200 } }, signal }));
    return { revisions: revisions.filter((r) => r.changes.some((c) => c.kind === kind && c.name === name)), whole: cursor === null };
  },
});

/** A wanted change of one document; without a spec it is to be deleted. */
export interface Change {
  readonly kind: string;
  readonly name: string;
  readonly spec: Spec | undefined;
}

/** bodyOf says a change as a body of documents: one that goes is the one that is missing from all the others. */
function bodyOf(change: Change, policy: Policy): { documents: { kind: string; name: string; spec: Record<string, unknown> }[]; prune?: boolean } {
  if (change.spec !== undefined) return { documents: [{ kind: change.kind, name: change.name, spec: { ...change.spec } }] };
  const others = policy.documents.filter((d) => d.kind !== change.kind || d.name !== change.name);
  return { documents: others.map((d) => ({ kind: d.kind, name: d.name, spec: d.spec })), prune: true };
}

/** Whose reception a change alters; throws what is wrong with it. */
export async function alterationsOf(change: Change, policy: Policy, signal?: AbortSignal): Promise<readonly Alteration[]> {
  const { alterations } = await ask(api.POST("/policy/preview", { body: bodyOf(change, policy), ...(signal ? { signal } : {}) }));
  return alterations;
}

/** What a change would do to messages; undefined where there are too many of them to say so in time. */
export async function impactOf(change: Change, policy: Policy): Promise<Impact | undefined> {
  for (const days of [7, 1]) {
    try {
      return await ask(api.POST("/impact", { body: { ...bodyOf(change, policy), days } }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "impact.takes_too_long") throw error;
    }
  }
  return undefined;
}

/** save writes a document, or deletes it, against the revision at which it was read; the answer is the new revision. */
export async function save(change: Change, revision: number): Promise<number> {
  const params = { path: { kind: change.kind, name: change.name }, header: { "If-Match": `"${revision}"` } };
  const written = change.spec === undefined
    ? await ask(api.DELETE("/policy/documents/{kind}/{name}", { params }))
    : await ask(api.PUT("/policy/documents/{kind}/{name}", { params, body: { spec: { ...change.spec } } }));
  return written.revision;
}

/** changed has everything read again that shows the policy. */
export async function changed(): Promise<void> {
  await Promise.all(["reception", "filters", "coverage", "agents", "me"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}
