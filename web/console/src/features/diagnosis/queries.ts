import { queryOptions, useQuery } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../../app/api";
import { useMay } from "../../app/me";

export type Report = Schemas["DiagnosisReport"];
export type Finding = Schemas["DiagnosisFinding"];
export type Check = Schemas["DiagnosisCheck"];
export type Patterns = Schemas["DiagnosisPatterns"];
export type Timeline = Schemas["DiagnosisTimeline"];

/** What is asked; everything that is left out is not narrowed. */
export interface Question {
  /** Empty for a question about a message and whoever could have it. */
  readonly agent: string;
  readonly inbox?: string;
  readonly kind?: string;
  readonly message?: string;
  readonly at?: string;
  /** A role that the agent is thought to have instead of its own. */
  readonly as?: string;
  /** The other way round: why does the agent get what it should not? */
  readonly excess?: boolean;
}

/** The report for a question. The present is asked again now and then; the past does not change. */
export const reportQuery = (q: Question, language: Language) => queryOptions({
  queryKey: ["diagnosis", q, language],
  queryFn: ({ signal }) => {
    const { as, agent, ...rest } = q;
    const query = agent === "" ? rest : { agent, ...rest };
    return as === undefined ? ask(api.GET("/diagnosis", { params: { query }, signal }))
      : ask(api.POST("/what-if", { body: { agent: q.agent, as_roles: [as], ...(q.inbox === undefined ? {} : { inbox: q.inbox }), ...(q.kind === undefined ? {} : { kind: q.kind }), ...(q.at === undefined ? {} : { at: q.at }) }, signal }));
  },
  enabled: q.agent !== "" || q.message !== undefined,
  refetchInterval: q.at === undefined ? 15_000 : false,
});

/** The deliveries of the day before an instant, grouped. */
export const patternsQuery = (agent: string, inbox: string | undefined, kind: string | undefined, at: string | undefined) => queryOptions({
  queryKey: ["patterns", agent, inbox, kind, at],
  queryFn: ({ signal }) => ask(api.GET("/diagnosis/patterns", {
    params: { query: { ...(agent === "" ? {} : { agent }), ...(inbox === undefined ? {} : { inbox }), ...(kind === undefined ? {} : { kind }), ...(at === undefined ? {} : { to: at }) } }, signal,
  })),
  staleTime: 30_000,
});

/** The lanes of an agent over the hours before an instant. */
export const timelineQuery = (agent: string, hours: number, at: string | undefined) => queryOptions({
  queryKey: ["timeline", agent, hours, at],
  queryFn: ({ signal }) => {
    const to = at === undefined ? new Date() : new Date(at);
    const from = new Date(to.getTime() - hours * 3_600_000);
    return ask(api.GET("/accounts/{name}/timeline", { params: { path: { name: agent }, query: { from: from.toISOString(), to: to.toISOString() } }, signal }));
  },
  enabled: agent !== "",
  refetchInterval: at === undefined ? 30_000 : false,
});

/** useAgents lists whom the person may ask about: everybody with policy.view, else nobody but oneself. */
export function useAgents(): readonly Schemas["Account"][] | undefined {
  const may = useMay("policy.view");
  return useQuery({ queryKey: ["accounts"], queryFn: ({ signal }) => ask(api.GET("/accounts", { signal })), enabled: may, staleTime: 30_000 }).data?.accounts;
}
