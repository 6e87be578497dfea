import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { Language } from "../text";
import type { components, paths } from "./schema";

export type Api = Client<paths>;

/** What the server answers with by name: Schemas["Conversation"]. */
export type Schemas = components["schemas"];

/** A refusal of the server (RFC 9457), or that it could not be reached. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    /** HTTP status; 0 if there was no answer. */
    readonly status: number,
    /** Stable; "network" if there was no answer. */
    readonly code: string,
    /** What happened and what to do, in the language of the request. */
    detail: string,
    readonly title: string = "",
    readonly field?: string,
    readonly request?: string,
    /** Seconds after which to try again; 0 if that was not said. */
    readonly retryAfter: number = 0,
    readonly errors: readonly { readonly field: string; readonly message: string }[] = [],
    /** Members that belong to the code, such as the permission that is missing. */
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

export interface ApiOptions {
  readonly language: () => Language;
  /** Called when the server no longer knows who asks. */
  readonly onSignedOut?: () => void;
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** createApi makes the client of the API on this host. The cookie of the session says who asks. */
export function createApi(options: ApiOptions): Api {
  const api = createClient<paths>({ baseUrl: "/api/v1", credentials: "same-origin", ...(options.fetch ? { fetch: options.fetch } : {}) });
  const speak: Middleware = {
    onRequest({ request }) {
      request.headers.set("Accept-Language", options.language());
      return request;
    },
    onResponse({ response, schemaPath }) {
      if (response.status === 401 && schemaPath !== "/sign-in") options.onSignedOut?.();
    },
  };
  api.use(speak);
  return api;
}

interface Answer<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** ask waits for an answer and returns its body; everything else is thrown as an ApiError. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data } = await askWhole(call);
  return data;
}

/** askWhole is ask for those who need headers of the answer, too. */
export async function askWhole<T>(call: Promise<Answer<T>>): Promise<{ data: NonNullable<T>; response: Response }> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError(0, "network", "");
  }
  if (!answer.response.ok) throw errorOf(answer.response, answer.error);
  return { data: answer.data as NonNullable<T>, response: answer.response };
}

/** errorOf makes the error of an answer that is a refusal. */
export function errorOf(response: Response, body: unknown): ApiError {
  const p = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string): string | undefined => (typeof p[name] === "string" ? p[name] : undefined);
  const seconds = Number(response.headers.get("Retry-After"));
  return new ApiError(
    response.status, text("code") ?? `http_${response.status}`, text("detail") ?? text("title") ?? response.statusText, text("title") ?? "",
    text("field"), text("request") ?? response.headers.get("X-Request-Id") ?? undefined, Number.isFinite(seconds) ? seconds : 0,
    Array.isArray(p["errors"]) ? (p["errors"] as { field: string; message: string }[]) : [], p,
  );
}
