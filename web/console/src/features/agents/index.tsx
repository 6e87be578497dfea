import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { AgentList } from "./list";
import { AgentPage } from "./person";
import "./agents.css";

/** Agents and their permissions: the list, or the account that the address names. */
export default function Agents(): ReactNode {
  const params: Readonly<Record<string, unknown>> = useParams({ strict: false });
  const name = params["name"];
  return typeof name === "string" ? <AgentPage key={name} name={name} /> : <AgentList />;
}
