import { queryOptions, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import type { Language } from "@bida/shared/text";
import { api } from "../app/api";

/** What people call the gates and the stages behind them, in the order of the check-list. */
const gateTitles: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  "account.state": ["账号状态", "Account state"],
  "account.login": ["登录状态", "Sign-in"],
  "role.receive": ["接收消息的权限", "Right to receive"],
  "permission.kind": ["消息类型的权限", "Right to the kind"],
  "permission.reply": ["回复权限", "Right to answer"],
  "membership.inbox": ["属于该渠道", "Member of the inbox"],
  "window.agent": ["接待时段", "Reception window"],
  "switch.platform": ["平台推送开关", "Platform switch"],
  "switch.inbox": ["渠道推送开关", "Inbox switch"],
  "switch.account": ["账号推送开关", "Account switch"],
  "window.inbox": ["营业时间", "Business hours"],
  maintenance: ["维护窗口", "Maintenance"],
  filter: ["过滤规则", "Filter rules"],
  "system.health": ["系统运行", "System health"],
  presence: ["在线状态", "Presence"],
  connection: ["连接", "Connection"],
  "client.version": ["客户端版本", "Client version"],
  "client.notify": ["消息提醒", "Noticing"],
  capacity: ["接待上限", "Capacity"],
  conversation: ["会话", "Conversation"],
  routing: ["分配", "Routing"],
  queue: ["等待分配", "Waiting queue"],
  push: ["推送", "Push"],
  view: ["列表显示", "List view"],
  traffic: ["消息量", "Traffic"],
};

/** advises says whether a gate only warns: it keeps nothing from arriving, whatever it says. */
export function advises(gate: string): boolean {
  return gate === "client.notify";
}

/** gateTitle is what people call a gate. */
export function gateTitle(gate: string, language: Language): string {
  return gateTitles[gate]?.[language === "zh" ? 0 : 1] ?? gate;
}

/** The reason catalogue: it changes only with the program. */
const reasonsQuery = queryOptions({
  queryKey: ["reasons"],
  queryFn: ({ signal }) => ask(api.GET("/reasons", { signal })),
  staleTime: Infinity,
  select: (data) => new Map(data.reasons.map((r) => [r.code, r])),
});

/** useReason finds an entry of the catalogue by its code. */
export function useReasons(): (code: string | null | undefined) => Schemas["Reason"] | undefined {
  const { data } = useQuery(reasonsQuery);
  return useCallback((code) => (code === null || code === undefined ? undefined : data?.get(code)), [data]);
}

/** reasonTitle is a code in words; the code itself only for one that this console does not know. */
export function reasonTitle(reason: Schemas["Reason"] | undefined, code: string, language: Language): string {
  return reason?.title[language] ?? code;
}
