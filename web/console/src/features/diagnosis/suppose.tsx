import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { api } from "../../app/api";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { supposeText } from "./suppose.text";

interface Props {
  readonly agent: string;
  /** The role that the agent is thought to have; undefined: its own. */
  readonly role: string | undefined;
  readonly onChange: (role: string | undefined) => void;
}

/** AsRole chooses a role that the agent is thought to have instead of its own. It is there for who may read the policy. */
export function AsRole({ agent, role, onChange }: Props): ReactNode {
  const t = useWords(supposeText);
  const language = useLanguage();
  const may = useMay("policy.view");
  const roles = useQuery({
    queryKey: ["diagnosis", "roles", agent, language],
    queryFn: ({ signal }) => ask(api.GET("/accounts/{name}/permissions", { params: { path: { name: agent } }, signal })),
    enabled: may && agent !== "",
    staleTime: 60_000,
  });
  if (!may || agent === "") return null;
  const options = (roles.data?.roles ?? []).map((r) => ({ value: r.name, label: t.as(r.title ?? r.name) }));
  if (role !== undefined && !options.some((o) => o.value === role)) options.push({ value: role, label: t.as(role) });
  return (
    <Select className="diagnosis-as" aria-label={t.label} showSearch={{ optionFilterProp: "label" }} loading={roles.isLoading} status={roles.error ? "error" : ""}
      value={role ?? ""} onChange={(v: string) => onChange(v === "" ? undefined : v)} options={[{ value: "", label: t.own }, ...options]} />
  );
}
