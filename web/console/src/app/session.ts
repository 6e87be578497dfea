import { ApiError, errorOf } from "@bida/shared/api";
import { queries } from "./api";
import { preferences } from "./preferences";

async function post(path: string, body: unknown): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json", "Accept-Language": preferences().language }, body: JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "network", "");
  }
  if (!response.ok) throw errorOf(response, await response.json().catch(() => undefined));
}

/** signIn begins a session; the cookie comes with the answer. */
export async function signIn(account: string, password: string): Promise<void> {
  await post("/sign-in", { account, password });
  queries.clear();
}

/** signOut ends the session on the server and forgets what was read in it. */
export async function signOut(): Promise<void> {
  try {
    await post("/sign-out", {});
  } finally {
    queries.clear();
  }
}
