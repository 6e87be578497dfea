const key = "bida.traces";
const most = 12;

/** recentTraces lists the messages that were looked at on this device, newest first. */
export function recentTraces(): readonly string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(list) ? list.filter((m): m is string => typeof m === "string" && /^m\d+$/.test(m)).slice(0, most) : [];
  } catch {
    return []; // a browser that keeps nothing
  }
}

/** rememberTrace puts a message first in that list. */
export function rememberTrace(message: string): void {
  try {
    localStorage.setItem(key, JSON.stringify([message, ...recentTraces().filter((m) => m !== message)].slice(0, most)));
  } catch {
    // Then it is not remembered.
  }
}
