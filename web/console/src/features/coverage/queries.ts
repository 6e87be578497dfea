import { queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";

export type Overview = Schemas["Overview"];
export type Cell = Schemas["CoveredCell"];
export type Stretch = Schemas["Stretch"];
export type State = Stretch["state"];
export type Moment = Schemas["Moment"];
export type Person = Schemas["Person"];

/** How far ahead gaps are listed. */
export const daysAhead = 90;

// Answers have words in the language that was asked in, which is therefore part of every key.

/** Seven days from a day on, with every span. */
export const weekQuery = (from: Date, to: Date, language: Language) => queryOptions({
  queryKey: ["coverage", "week", from.getTime(), language],
  queryFn: ({ signal }) => ask(api.GET("/coverage", { params: { query: { from: from.toISOString(), to: to.toISOString() } }, signal })),
  refetchInterval: 60_000,
});

/** The gaps and single agents of the days ahead, from now on. */
export const aheadQuery = (language: Language) => queryOptions({
  queryKey: ["coverage", "ahead", language],
  queryFn: ({ signal }) => {
    const from = new Date();
    const to = new Date(from.getTime() + daysAhead * 86_400_000);
    return ask(api.GET("/coverage", { params: { query: { from: from.toISOString(), to: to.toISOString(), only: "problems" } }, signal }));
  },
  refetchInterval: 60_000,
});

/** Who can receive at a moment, and what stops the others. */
export const momentQuery = (inbox: string, kind: string, at: number, language: Language) => queryOptions({
  queryKey: ["coverage", "moment", inbox, kind, at, language],
  queryFn: ({ signal }) => ask(api.GET("/coverage/moment", { params: { query: { inbox, kind, at: new Date(at).toISOString() } }, signal })),
});
