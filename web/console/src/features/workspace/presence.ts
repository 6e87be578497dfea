import { useState } from "react";
import { ApiError, ask, type Schemas } from "@bida/shared/api";
import { api, queries } from "../../app/api";
import { useFeedback } from "../../app/feedback";
import { meQuery, useMe } from "../../app/me";
import { useWords } from "../../app/words";
import { workspaceText } from "./text";

export type PresenceInput = Schemas["PresenceInput"];

/** usePresence sets the person's own presence and says so when that failed. */
export function usePresence(): { readonly set: (to: PresenceInput) => Promise<boolean>; readonly busy: boolean } {
  const t = useWords(workspaceText);
  const me = useMe();
  const { notification } = useFeedback();
  const [busy, setBusy] = useState(false);
  const set = async (to: PresenceInput): Promise<boolean> => {
    if (!me) return false;
    setBusy(true);
    try {
      await ask(api.PUT("/accounts/{name}/presence", { params: { path: { name: me.account } }, body: to }));
      await queries.invalidateQueries({ queryKey: meQuery.queryKey });
      return true;
    } catch (error) {
      notification.error({ title: t.presenceFailed, description: error instanceof ApiError ? error.message : String(error) });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { set, busy };
}
