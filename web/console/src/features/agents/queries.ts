import { queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api, queries } from "../../app/api";
import type { Spec } from "./edit";

export type Account = Schemas["Account"];
export type Permissions = Schemas["Permissions"];
export type Permission = Schemas["Permission"];
export type Role = Schemas["Role"];
export type Reach = Schemas["Reach"];
export type Alteration = Schemas["Alteration"];
export type Preview = Schemas["PreviewAnswer"];
export type Session = Schemas["Session"];
export type Revision = Schemas["Revision"];

// Answers have words in the language that was asked in, which is therefore part of every key.

export const accountsQuery = (language: Language) => queryOptions({
  queryKey: ["agents", "list", language],
  queryFn: ({ signal }) => ask(api.GET("/accounts", { signal })),
  refetchInterval: 10_000,
});

export const accountQuery = (name: string, language: Language) => queryOptions({
  queryKey: ["agents", "one", name, language],
  queryFn: ({ signal }) => ask(api.GET("/accounts/{name}", { params: { path: { name } }, signal })),
  refetchInterval: 10_000,
});

export const permissionsQuery = (name: string, language: Language) => queryOptions({
  queryKey: ["agents", "permissions", name, language],
  queryFn: ({ signal }) => ask(api.GET("/accounts/{name}/permissions", { params: { path: { name } }, signal })),
  refetchInterval: 15_000,
});

/** One permission, with what would change it. */
export const permissionQuery = (name: string, permission: string, language: Language) => queryOptions({
  queryKey: ["agents", "permissions", name, permission, language],
  queryFn: ({ signal }) => ask(api.GET("/accounts/{name}/permissions/{permission}", { params: { path: { name, permission } }, signal })),
});

/** The account's document, as it is saved: what edits begin from. */
export async function readDocument(name: string, revision?: number): Promise<{ readonly spec: Spec; readonly revision: number }> {
  const query = revision === undefined ? {} : { revision };
  const document = await ask(api.GET("/policy/documents/{kind}/{name}", { params: { path: { kind: "account", name }, query } }));
  return { spec: document.spec, revision: document.revision };
}

export const documentQuery = (name: string) => queryOptions({
  queryKey: ["agents", "document", name],
  queryFn: () => readDocument(name),
  staleTime: 0,
});

/** What saving the document would do, with the permissions as they would be. */
export const previewQuery = (name: string, spec: Spec, language: Language) => queryOptions({
  queryKey: ["agents", "preview", name, language, spec],
  queryFn: ({ signal }) => ask(api.POST("/policy/preview", { body: { documents: [{ kind: "account", name, spec: { ...spec } }], account: name }, signal })),
  staleTime: 15_000,
});

export const sessionsQuery = (name: string) => queryOptions({
  queryKey: ["agents", "sessions", name],
  queryFn: ({ signal }) => ask(api.GET("/accounts/{name}/sessions", { params: { path: { name } }, signal })),
  refetchInterval: 10_000,
});

export const historyQuery = (name: string) => queryOptions({
  queryKey: ["agents", "history", name],
  queryFn: async ({ signal }) => {
    const { revisions } = await ask(api.GET("/policy/revisions", { params: { query: { limit: 200 } }, signal }));
    return revisions.filter((r) => r.changes.some((c) => c.kind === "account" && c.name === name));
  },
});

/** saveDocument writes the document against the revision that it was read at. */
export async function saveDocument(name: string, spec: Spec, revision: number): Promise<number> {
  const document = await ask(api.PUT("/policy/documents/{kind}/{name}", {
    params: { path: { kind: "account", name }, header: { "If-Match": `"${revision}"` } }, body: { spec: { ...spec } },
  }));
  return document.revision;
}

/** changed has everything about accounts read again, after something was altered. */
export async function changed(): Promise<void> {
  await Promise.all([queries.invalidateQueries({ queryKey: ["agents"] }), queries.invalidateQueries({ queryKey: ["me"] })]);
}
