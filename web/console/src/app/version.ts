/** What this console calls itself in the hello of its session, and its version; "dev" where it was not built by a release. */
export const clientName = "bida-console";

export function clientVersion(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content ?? "dev";
}
