import { texts } from "@bida/shared/text";

export const announcementsText = texts(
  {
    region: "公告",
    close: "收起公告",
    until: (at: string) => `至 ${at}`,
    window: (from: string, until: string, inboxes: string) => `维护时间 ${from} 至 ${until}，${inboxes}`,
    underWay: (until: string, inboxes: string) => `维护中，预计 ${until} 恢复，${inboxes}`,
    allInboxes: "全部渠道",
    inboxes: (names: string) => `渠道：${names}`,
    update: "立即更新",
    updateText: (seen: string, required: string) => `当前版本 ${seen}，要求 ${required}。刷新页面即可更新；更新前不会分到新会话。`,
    noVersion: "未知",
  },
  {
    region: "Announcements",
    close: "Close the announcement",
    until: (at: string) => `until ${at}`,
    window: (from: string, until: string, inboxes: string) => `Maintenance from ${from} until ${until}, ${inboxes}`,
    underWay: (until: string, inboxes: string) => `Maintenance is under way until ${until}, ${inboxes}`,
    allInboxes: "all inboxes",
    inboxes: (names: string) => `in ${names}`,
    update: "Update now",
    updateText: (seen: string, required: string) => `This is version ${seen}; required is ${required}. Reload the page to update it. You get no new conversations before.`,
    noVersion: "unknown",
  },
);
