import { ask, type Schemas } from "@bida/shared/api";
import { api, queries } from "./api";

/** signIn begins a session; the cookie comes with the answer. */
export async function signIn(account: string, password: string): Promise<Schemas["SignInAnswer"]> {
  const answer = await ask(api.POST("/sign-in", { body: { account, password } }));
  queries.clear();
  return answer;
}

/** signOut ends the session on the server and forgets what was read in it. */
export async function signOut(): Promise<void> {
  try {
    await ask(api.POST("/sign-out", {}));
  } finally {
    queries.clear();
  }
}
