import type { ReactNode } from "react";
import { Boundary } from "../ui/boundary";
import { Loading, NoPermission } from "../ui/states";
import { useMe } from "./me";
import type { Page } from "./pages";

/** Guarded shows a page to whoever may open it, and everybody else which right is missing. */
export function Guarded({ page, children }: { readonly page: Page; readonly children: ReactNode }): ReactNode {
  const me = useMe();
  if (me === undefined) return <PageLoading />;
  if (page.needs.length > 0 && !page.needs.some((p) => me.permissions.includes(p))) return <NoPermission whole permission={page.needs[0] ?? ""} />;
  return <Boundary key={page.paths[0] ?? ""}>{children}</Boundary>;
}

/** PageLoading stands where a page will be. */
export function PageLoading(): ReactNode {
  return <div className="page-inner"><Loading /></div>;
}
