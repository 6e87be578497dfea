import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";
import type { Sheet } from "./sheet";

export type Question = Schemas["ChecklistQuestion"];
export type Report = Schemas["ChecklistReport"];
export type Answer = Schemas["ChecklistAnswer"];
export type Saved = Schemas["SavedChecklist"];

/** The questions are part of the program: they change with it. */
export const questionsQuery = queryOptions({
  queryKey: ["checklist", "questions"],
  queryFn: ({ signal }) => ask(api.GET("/checklist", { params: { query: {} }, signal })),
  staleTime: Infinity,
});

/** What the answers come to. Of an agent of Bida the records are asked again now and then. */
export const reportQuery = (sheet: Sheet, language: Language) => queryOptions({
  queryKey: ["checklist", "report", sheet, language],
  queryFn: ({ signal }) => ask(api.POST("/checklist/report", { body: sheet, signal })),
  placeholderData: keepPreviousData,
  refetchInterval: sheet.platform === "bida" && sheet.agent !== undefined ? 15_000 : false,
});

export const savedQuery = (id: string) => queryOptions({
  queryKey: ["checklist", "saved", id],
  queryFn: ({ signal }) => ask(api.GET("/checklists/{id}", { params: { path: { id } }, signal })),
  enabled: id !== "",
  staleTime: Infinity,
});

export const savedListQuery = queryOptions({
  queryKey: ["checklist", "list"],
  queryFn: ({ signal }) => ask(api.GET("/checklists", { params: { query: { limit: 100 } }, signal })),
});
