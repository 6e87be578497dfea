import { texts } from "@bida/shared/text";

export const supposeText = texts(
  {
    label: "模拟：以角色",
    own: "模拟：以现有角色（不模拟）",
    as: (role: string) => `模拟：以角色“${role}”`,
    notice: "这是模拟：设置没有改动，登录、在线、连接按现在的事实计算。处理建议需在模拟的改动之上再做。",
    because: "来自模拟的改动",
  },
  {
    label: "What if: as role",
    own: "What if: own roles (as it is)",
    as: (role: string) => `What if: as role “${role}”`,
    notice: "This is a what-if: no settings were changed, and sessions, presence and connections are those of now. A fix comes on top of what was tried out.",
    because: "because of what is tried out",
  },
);
