import { queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";
import { nextLook } from "./look";

export type Help = Schemas["Help"];
export type HelpRequest = Schemas["HelpAnswer"];
export type RepairRecord = Schemas["Repair"];
export type HelpFilter = "active" | "open" | "taken" | "done" | "declined" | "withdrawn" | "all";

export const helpFilters: readonly HelpFilter[] = ["active", "open", "taken", "done", "declined", "withdrawn", "all"];

/** The requests that the person may see, and how many of them are open. */
export const helpQuery = (state: HelpFilter, mine: boolean, language: Language) => queryOptions({
  queryKey: ["help", state, mine, language],
  queryFn: ({ signal }) => ask(api.GET("/help-requests", { params: { query: { state, mine } }, signal })),
  staleTime: 10_000,
  refetchInterval: 30_000,
});

export const helpRequestQuery = (id: string, language: Language) => queryOptions({
  queryKey: ["help", id, language],
  queryFn: ({ signal }) => ask(api.GET("/help-requests/{id}", { params: { path: { id } }, signal })),
  refetchInterval: 15_000,
});

export const repairQuery = (id: string, language: Language) => queryOptions({
  queryKey: ["repair", id, language],
  queryFn: ({ signal }) => ask(api.GET("/repairs/{id}", { params: { path: { id } }, signal })),
  refetchInterval: (query) => nextLook(query.state.data, new Date()),
});
