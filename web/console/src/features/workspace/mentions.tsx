import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useMay } from "../../app/me";
import { useWords } from "../../app/words";
import { receiversQuery } from "./queries";
import { workspaceText } from "./text";

/** Mentions chooses the colleagues whom a note calls. */
export default function Mentions({ conversation, value, onChange }: { readonly conversation: string; readonly value: readonly string[]; readonly onChange: (accounts: readonly string[]) => void }): ReactNode {
  const t = useWords(workspaceText);
  const may = useMay("conversation.transfer");
  const query = useQuery({ ...receiversQuery(conversation), enabled: may });
  if (!may) return null;
  const known = query.data?.receivers ?? [];
  const options = [...known.map((r) => ({ value: r.account, label: r.title })), ...value.filter((v) => !known.some((r) => r.account === v)).map((v) => ({ value: v, label: v }))];
  return (
    <Select mode="multiple" size="small" variant="filled" className="ws-mention" placeholder={`@ ${t.mention}`} aria-label={t.mention} value={[...value]} options={options} loading={query.isFetching && known.length === 0}
      maxTagCount="responsive" maxCount={20} showSearch={{ optionFilterProp: "label" }} onChange={(accounts: string[]) => onChange(accounts)} />
  );
}
