import { queryOptions, useQuery } from "@tanstack/react-query";
import { ask, type Schemas } from "@bida/shared/api";
import { api } from "./api";

export type Me = Schemas["MeAnswer"];

/** Who is signed in, what that person may do and can receive. Other parts invalidate it when something of that changes. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => ask(api.GET("/me", { signal })),
  staleTime: 15_000,
  refetchInterval: 30_000,
});

export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

/** useMay says whether the person has a permission; false as long as that is not known. */
export function useMay(permission: string): boolean {
  return useMe()?.permissions.includes(permission) ?? false;
}
