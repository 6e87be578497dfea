import { useCallback, useMemo, useSyncExternalStore } from "react";
import { useMe } from "../../app/me";
import { noDraft, type Draft, type Mode } from "./drafts";
import { drafts, useLive, useOutbox } from "./live";
import type { Outgoing } from "./outbox";
import type { Remark } from "./thread";

const subscribe = (tell: () => void): (() => void) => drafts.subscribe(tell);

/** useDraft reads and writes what is being written. */
export function useDraft(conversation: string, mode: Mode): readonly [Draft, (draft: Draft) => void] {
  const account = useMe()?.account ?? "";
  const draft = useSyncExternalStore(subscribe, () => (account === "" ? noDraft : drafts.read(account, conversation, mode)));
  const write = useCallback((d: Draft) => drafts.write(account, conversation, mode, d), [account, conversation, mode]);
  return [draft, write];
}

/** useDrafted is the text of a draft in a conversation; "" if there is none. */
export function useDrafted(conversation: string): string {
  const account = useMe()?.account ?? "";
  return useSyncExternalStore(subscribe, () => (account === "" ? "" : drafts.read(account, conversation, "reply").text.trim() || drafts.read(account, conversation, "note").text.trim()));
}

/** useOutboxOf is what is on its way in a conversation. */
export function useOutboxOf(conversation: string): readonly Outgoing[] {
  const all = useOutbox();
  return useMemo(() => all.filter((o) => o.conversation === conversation), [all, conversation]);
}

const none: readonly Remark[] = [];

/** useRemarks is what was taken back from a conversation while this tab was open. */
export function useRemarks(conversation: string): readonly Remark[] {
  const deliveries = useLive()?.deliveries;
  return useSyncExternalStore(useCallback((tell: () => void) => deliveries?.subscribe(tell) ?? (() => undefined), [deliveries]), () => deliveries?.remarks(conversation) ?? none);
}
