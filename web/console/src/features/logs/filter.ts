/** The logs, in the order of the tabs, with the permissions of which one is enough; none: whoever is signed in sees their own part. */
export const logs = [
  { name: "intake", needs: ["intake_log.view", "trace.view"] },
  { name: "push", needs: ["trace.view", "conversation.view"] },
  { name: "sign-in", needs: [] },
  { name: "operations", needs: ["audit.view"] },
  { name: "errors", needs: ["job.view", "intake_log.view"] },
] as const satisfies readonly { name: string; needs: readonly string[] }[];

export type Log = (typeof logs)[number]["name"];

/** What each log can be asked for, by the names of the API's parameters. */
export const fields = {
  intake: ["state", "inbox", "kind", "agent", "from", "to"],
  push: ["state", "inbox", "kind", "agent", "from", "to"],
  "sign-in": ["result", "agent", "from", "to"],
  operations: ["by", "action", "object", "from", "to"],
  errors: ["what", "inbox", "from", "to"],
} as const satisfies Record<Log, readonly string[]>;

/** The values of the first field of a log, which stand as buttons above the table. */
export const choices = {
  intake: ["not_submitted", "intercepted", "lost", "delivered", "waiting", "unknown"],
  push: ["lost", "delivered", "waiting", "withdrawn", "unknown"],
  "sign-in": ["open", "ended", "failed"],
  operations: [],
  errors: ["failing", "failed", "clock", "job_dead", "job_failing", "refused"],
} as const satisfies Record<Log, readonly string[]>;

/** The logs that a person with these permissions may open. */
export function openLogs(permissions: readonly string[]): readonly Log[] {
  return logs.filter((l) => l.needs.length === 0 || l.needs.some((n) => permissions.includes(n))).map((l) => l.name);
}

/**
 * queryOf takes what a log is asked for out of the page's address. Times there are those of the wall clock ("2026-11-26T09:30"), as people type them; the API is
 * asked for instants. What is not one of the log's own, or no time, is left out.
 */
export function queryOf(log: Log, parameters: Readonly<Record<string, string>>): Record<string, string> {
  const query: Record<string, string> = {};
  for (const name of fields[log]) {
    const value = parameters[name]?.trim() ?? "";
    if (value === "") continue;
    if (name === "from" || name === "to") {
      const at = new Date(value);
      if (!Number.isNaN(at.getTime())) query[name] = at.toISOString();
      continue;
    }
    const known: readonly string[] = choices[log];
    if (name === fields[log][0] && known.length > 0 && !known.includes(value)) continue;
    query[name] = value;
  }
  return query;
}

/** cleared takes a log's filter out of the address. */
export function cleared(log: Log): Record<string, undefined> {
  return Object.fromEntries(fields[log].map((name) => [name, undefined]));
}

/** exportOf is the address under which a log is saved with its filter. */
export function exportOf(log: Log, query: Readonly<Record<string, string>>, format: "csv" | "json"): string {
  return `/api/v1/logs/${log}/export?${new URLSearchParams({ ...query, format }).toString()}`;
}
