import { texts } from "@bida/shared/text";

export const patternsText = texts(
  {
    title: "规律",
    about: "把推送按记录到的各项分组：丢失看起来随机，往往只是没有分组。",
    show: "分析近 24 小时的推送",
    coincidence: "同时出现，不等于原因",
    tally: (n: number, lost: number, unacknowledged: number, withdrawn: number, late: number) => `推送 ${n} · 未送达 ${lost} · 首次未确认 ${unacknowledged} · 送达前撤回 ${withdrawn} · 较晚 ${late}`,
    partial: "数量较多，只看了最近的一部分。",
    more: (n: number) => `另有 ${n} 组`,
    bar: (bad: number, all: number) => `${bad}/${all}`,
    notRecorded: "未记录",
    refused: (n: number) => `被拒绝的请求 ${n} 个`,
    dimensions: {
      agent: "客服", inbox: "渠道", kind: "类型", conversation: "会话", node: "服务进程", connection: "连接", version: "客户端版本", session_age: "登录时长", connection_age: "连接时长",
      hour: "时段（小时）", account: "发送账号", code: "原因",
    },
  },
  {
    title: "Patterns",
    about: "Deliveries, grouped by all that is recorded of them: losses often look random only until they are grouped.",
    show: "Look at the deliveries of 24 hours",
    coincidence: "a coincidence, which need not be the cause",
    tally: (n: number, lost: number, unacknowledged: number, withdrawn: number, late: number) => `${n} deliveries · ${lost} lost · ${unacknowledged} unacknowledged at first · ${withdrawn} withdrawn · ${late} late`,
    partial: "There were many; only the newest were looked at.",
    more: (n: number) => (n === 1 ? "1 group more" : `${n} groups more`),
    bar: (bad: number, all: number) => `${bad}/${all}`,
    notRecorded: "not recorded",
    refused: (n: number) => (n === 1 ? "1 refused request" : `${n} refused requests`),
    dimensions: {
      agent: "Agent", inbox: "Inbox", kind: "Kind", conversation: "Conversation", node: "Node", connection: "Connection", version: "Client version", session_age: "Age of the session",
      connection_age: "Age of the connection", hour: "Hour of the day", account: "Sending account", code: "Reason",
    },
  },
);
