/** safeTarget is where to go after signing in: an address on this server, whatever the link said. */
export function safeTarget(to: string | undefined): string {
  if (to === undefined || !to.startsWith("/") || to.startsWith("//") || to.startsWith("/\\") || to.startsWith("/sign-in")) return "/";
  return to;
}
