import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import SearchPage from "./search";
import TracePage from "./trace";

/** Messages: one by its id in the address, else the search. */
export default function MessagesPage(): ReactNode {
  const params: unknown = useParams({ strict: false });
  return typeof params === "object" && params !== null && "id" in params ? <TracePage id={String(params.id)} /> : <SearchPage />;
}
