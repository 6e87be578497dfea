import { CalendarOutlined, CommentOutlined, ControlOutlined, DashboardOutlined, FileSearchOutlined, MedicineBoxOutlined, MessageOutlined, OrderedListOutlined, SafetyOutlined, TeamOutlined } from "@ant-design/icons";
import type { ComponentType } from "react";
import type { Language } from "@bida/shared/text";

/** A page of the console. Each feature adds its own below, in the order of the rail. */
export interface Page {
  /** Route, with $name for parameters; the first one of a feature is where its link leads. */
  readonly paths: readonly string[];
  readonly title: Readonly<Record<Language, string>>;
  readonly icon: ComponentType;
  /** One of these permissions is enough to open it; none: whoever is signed in. */
  readonly needs: readonly string[];
  /** The page uses the whole space and scrolls by itself. */
  readonly whole?: boolean;
  readonly load: () => Promise<{ default: ComponentType }>;
}

/** The map of the console. A page that is not built is not here. */
export const pages: readonly Page[] = [
  {
    paths: ["/workspace/{-$conversation}"], title: { zh: "工作台", en: "Workspace" }, icon: CommentOutlined, whole: true,
    needs: ["conversation.view", "conversation.view_all"], load: () => import("../features/workspace"),
  },
  { paths: ["/board"], title: { zh: "接待看板", en: "Board" }, icon: DashboardOutlined, needs: ["diagnosis.view"], load: () => import("../features/board") },
  { paths: ["/diagnosis"], title: { zh: "诊断", en: "Diagnosis" }, icon: MedicineBoxOutlined, needs: ["diagnosis.view", "diagnosis.self"], load: () => import("../features/diagnosis") },
  { paths: ["/checklist"], title: { zh: "排查向导", en: "Check-list" }, icon: OrderedListOutlined, needs: ["diagnosis.view", "diagnosis.self"], load: () => import("../features/checklist") },
  { paths: ["/messages", "/messages/$id"], title: { zh: "消息", en: "Messages" }, icon: MessageOutlined, needs: ["trace.view", "conversation.view"], load: () => import("../features/trace") },
  { paths: ["/intercepted"], title: { zh: "已拦截", en: "Intercepted" }, icon: SafetyOutlined, needs: ["quarantine.view"], load: () => import("../features/filters/intercepted") },
  { paths: ["/coverage"], title: { zh: "值守覆盖", en: "Coverage" }, icon: CalendarOutlined, needs: ["policy.view"], load: () => import("../features/coverage") },
  {
    paths: ["/agents", "/agents/$name"], title: { zh: "客服与权限", en: "Agents" }, icon: TeamOutlined, needs: ["policy.view"], load: () => import("../features/agents"),
  },
  {
    paths: ["/reception", "/reception/$section", "/reception/$section/$name"], title: { zh: "接待设置", en: "Reception" }, icon: ControlOutlined, needs: ["policy.view"],
    load: () => import("../features/reception"),
  },
  {
    paths: ["/logs"], title: { zh: "日志", en: "Logs" }, icon: FileSearchOutlined,
    needs: ["trace.view", "conversation.view", "intake_log.view", "audit.view", "job.view", "session.end"], load: () => import("../features/logs"),
  },
];
