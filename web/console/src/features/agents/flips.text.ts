import { texts } from "@bida/shared/text";

export const flipsText = texts(
  {
    of: (permission: string) => `怎样改变“${permission}”`,
    gives: "这样改就会有这项权限（改动最小的在前）：",
    takes: "这样改就不再有这项权限（改动最小的在前）：",
    noFlips: "没有可以告诉您的改法。",
    nothingElse: "不影响其他权限",
    others: (n: number) => `同时改变另外 ${n} 项权限（含其他人的）`,
    byItself: (at: string) => `不做改动，到 ${at} 也会自动改变。`,
    whoMay: (who: string) => `可以修改的人：${who}`,
    verified: "每一条都已按改动后的设置重新判定过；少一步都不会改变结果。",
    steps: (parts: readonly string[]) => parts.join("，并且"),
    list: (parts: readonly string[]) => parts.join("、"),
  },
  {
    of: (permission: string) => `What would change “${permission}”`,
    gives: "Any of these gives the permission (the smallest change first):",
    takes: "Any of these takes the permission away (the smallest change first):",
    noFlips: "There is no change that could be told to you.",
    nothingElse: "changes no other permission",
    others: (n: number) => (n === 1 ? "changes 1 other permission, too" : `changes ${n} other permissions, too (other people's included)`),
    byItself: (at: string) => `Without any change it becomes the other answer at ${at}.`,
    whoMay: (who: string) => `Who may change it: ${who}`,
    verified: "Each was decided again with the change; with one step less nothing would change.",
    steps: (parts: readonly string[]) => parts.join(", and "),
    list: (parts: readonly string[]) => parts.join(", "),
  },
);
