import { texts } from "@bida/shared/text";

/** What stands on the page of a diagnosis before anybody asks for help. */
export const askText = texts(
  { diagnosis: "诊断", tab: (n: number) => (n === 0 ? "求助" : `求助 ${n > 99 ? "99+" : n}`), views: "诊断与求助", ask: "请主管处理" },
  { diagnosis: "Diagnosis", tab: (n: number) => (n === 0 ? "Help" : `Help ${n > 99 ? "99+" : n}`), views: "Diagnosis and requests for help", ask: "Ask for help" },
);
