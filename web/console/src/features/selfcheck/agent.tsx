import { Button } from "antd";
import { useState, type ReactNode } from "react";
import { texts } from "@bida/shared/text";
import { useMay } from "../../app/me";
import { part } from "../../app/part";
import { useWords } from "../../app/words";
import type { AgentCheckProps } from "./ask";

/** The words of the button; the others come with what it opens. */
const buttonText = texts({ open: "窗口自检" }, { open: "Self-check" });

const AgentCheck = part<AgentCheckProps>(() => import("./ask"), { waiting: null });

/** SelfCheckOf is the button of whoever may diagnose others: it has an agent's windows check themselves. */
export function SelfCheckOf({ agent, name }: { readonly agent: string; readonly name: string }): ReactNode {
  const t = useWords(buttonText);
  const may = useMay("diagnosis.view");
  const [open, setOpen] = useState(false);
  if (!may) return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t.open}</Button>
      {open && <AgentCheck agent={agent} name={name} onClose={() => setOpen(false)} />}
    </>
  );
}
