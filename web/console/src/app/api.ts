import { QueryClient } from "@tanstack/react-query";
import { ApiError, createApi } from "@bida/shared/api";
import { preferences } from "./preferences";

type Listener = () => void;
const signedOut = new Set<Listener>();

/** onSignedOut is told when the server no longer knows who asks: the session ended, or there never was one. */
export function onSignedOut(tell: Listener): Listener {
  signedOut.add(tell);
  return () => signedOut.delete(tell);
}

/** The one client of the API. */
export const api = createApi({
  language: () => preferences().language,
  onSignedOut: () => {
    for (const tell of signedOut) tell();
  },
});

/** Server state lives here and nowhere else. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500),
      retryDelay: (count, error) => (error instanceof ApiError && error.retryAfter > 0 ? error.retryAfter * 1000 : Math.min(500 * 2 ** count, 5000)),
    },
    mutations: { retry: false },
  },
});
