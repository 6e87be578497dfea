import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import { api } from "../../app/api";
import type { Log } from "./filter";

export type IntakeRow = Schemas["IntakeRow"];
export type PushRow = Schemas["PushRow"];
export type SignInRow = Schemas["SignInRow"];
export type OperationRow = Schemas["OperationRow"];
export type ErrorRow = Schemas["ErrorRow"];

/** The rows of a log by its name. */
export interface RowsOf {
  intake: IntakeRow;
  push: PushRow;
  "sign-in": SignInRow;
  operations: OperationRow;
  errors: ErrorRow;
}

/** One piece of a log. */
export interface Piece<R> {
  readonly rows: readonly R[];
  readonly cursor: string | null;
  /** Since when everything was looked at; null: that is all there is. */
  readonly searched_to: string | null;
  readonly messages_withheld?: boolean;
  readonly failed_withheld?: boolean;
  readonly cut?: boolean;
}

type Query = Readonly<Record<string, string>>;

const size = 100;

// What a log may be asked for was put together by its fields, which the types of the API cannot follow.
const readers: { readonly [L in Log]: (query: never, signal: AbortSignal) => Promise<object> } = {
  intake: (query, signal) => ask(api.GET("/logs/intake", { params: { query }, signal })),
  push: (query, signal) => ask(api.GET("/logs/push", { params: { query }, signal })),
  "sign-in": (query, signal) => ask(api.GET("/logs/sign-in", { params: { query }, signal })),
  operations: (query, signal) => ask(api.GET("/logs/operations", { params: { query }, signal })),
  errors: (query, signal) => ask(api.GET("/logs/errors", { params: { query }, signal })),
};

async function read<L extends Log>(log: L, query: Query, cursor: string, signal: AbortSignal): Promise<Piece<RowsOf[L]>> {
  const whole = { ...query, ...(log === "errors" ? {} : { limit: size }), ...(cursor === "" ? {} : { cursor }) };
  const answer = await readers[log](whole as never, signal);
  return { cursor: null, searched_to: null, rows: [], ...answer };
}

export const logQuery = <L extends Log>(log: L, query: Query, language: string) => infiniteQueryOptions({
  queryKey: ["logs", log, query, language],
  queryFn: ({ pageParam, signal }) => read(log, query, pageParam, signal),
  initialPageParam: "",
  getNextPageParam: (last) => last.cursor ?? undefined,
});

/** How much there is of each state, with the same filter but for the state. */
export const countsQuery = (query: Query) => {
  const { state: _, ...others } = query;
  return queryOptions({
    queryKey: ["logs", "counts", others],
    queryFn: ({ signal }) => ask(api.GET("/logs/intake/counts", { params: { query: others }, signal })),
    refetchInterval: 30_000,
  });
};
