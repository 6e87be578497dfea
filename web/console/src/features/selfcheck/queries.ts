import { queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";

export type Outlook = Schemas["SelfCheckAnswer"];
export type Answer = Schemas["DiagnosisAnswer"];
export type ClientCheck = Schemas["ClientCheck"];

/** What the engine says of an agent, now and next, with the last check of its windows. */
export const outlookQuery = (account: string, language: Language) => queryOptions({
  queryKey: ["self-check", account, language],
  queryFn: ({ signal }) => ask(api.GET("/accounts/{name}/self-check", { params: { path: { name: account } }, signal })),
});
