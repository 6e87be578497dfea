import { Collapse } from "antd";
import { useState, type ReactNode } from "react";
import { useMay } from "../../app/me";
import { part } from "../../app/part";
import { useWords } from "../../app/words";
import { patternsText } from "./patterns.text";

const Content = part(() => import("./patterns"));

interface Props {
  readonly agent: string;
  readonly inbox: string | undefined;
  readonly kind: string | undefined;
  readonly at: string | undefined;
}

/** PatternsSection groups the deliveries of a day, once somebody opens it. It is there for who may diagnose others. */
export function PatternsSection(props: Props): ReactNode {
  const t = useWords(patternsText);
  const may = useMay("diagnosis.view");
  const [open, setOpen] = useState(false);
  if (!may) return null;
  const label = <span>{t.title} <span className="soft">· {t.show}</span></span>;
  return <Collapse className="patterns" onChange={(keys) => setOpen(keys.length > 0)} items={[{ key: "patterns", label, children: open && <Content {...props} /> }]} />;
}
