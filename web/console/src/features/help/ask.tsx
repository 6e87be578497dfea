import { Button } from "antd";
import { TeamOutlined } from "@ant-design/icons";
import { useState, type ReactNode } from "react";
import type { Schemas } from "@bida/shared/api";
import { part } from "../../app/part";
import { useWords } from "../../app/words";
import { askText } from "./ask.text";

const AskDialog = part(() => import("./dialog"), { waiting: null });

export interface AskProps {
  /** What the report answers. */
  readonly question: Omit<Schemas["HelpInput"], "id" | "note">;
}

/** AskForHelp passes the report on to who can act. */
export function AskForHelp({ question, open: openAtOnce = false }: AskProps & { readonly open?: boolean }): ReactNode {
  const t = useWords(askText);
  const [open, setOpen] = useState(openAtOnce);
  return (
    <>
      <Button type="primary" icon={<TeamOutlined />} onClick={() => setOpen(true)}>{t.ask}</Button>
      {open && <AskDialog question={question} onClose={() => setOpen(false)} />}
    </>
  );
}
