import type { Me } from "./me";
import { pages, type Page } from "./pages";

/** openPages are the pages that a person may open, in the order of the rail. */
export function openPages(me: Me): readonly Page[] {
  return pages.filter((p) => p.needs.length === 0 || p.needs.some((n) => me.permissions.includes(n)));
}

/** targetOf is where a page's link leads: its first path without parameters. */
export function targetOf(page: Page): string {
  return (page.paths[0] ?? "/").replace(/\/\{?-?\$.*$/, "");
}
