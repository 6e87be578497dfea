import { Dropdown, type MenuProps } from "antd";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useMe } from "../../app/me";
import { useWords } from "../../app/words";
import { ExtendDialog, HandOverDialog, PresenceDialog, ResumeDialog } from "./actions";
import { cellOf, switchesOf, type Filter, type Row } from "./model";
import { addressOf } from "./table";
import { boardText } from "./text";

type Action = "presence" | "hand" | "extend" | "resume";

interface Props {
  readonly row: Row;
  /** Where the button is that was pressed. */
  readonly at: DOMRect;
  readonly filter: Filter;
  readonly onClose: () => void;
}

/** The menu of what can be done for an agent from the board. What the person may not do is there all the same, and says which permission it needs. */
export default function ActionMenu({ row, at, filter, onClose }: Props): ReactNode {
  const t = useWords(boardText);
  const me = useMe();
  const navigate = useNavigate();
  const [action, setAction] = useState<Action>();
  const may = (permission: string): boolean => me?.permissions.includes(permission) ?? false;
  const own = me?.account === row.agent;
  const item = (key: Action, label: string, missing: string | undefined, why = ""): NonNullable<MenuProps["items"]>[number] => ({
    key, disabled: missing !== undefined || why !== "",
    label: <span>{label}{(missing ?? why) !== "" && <span className="soft"> · {missing === undefined ? why : t.needs(missing)}</span>}</span>,
  });
  const needsHand = !may("conversation.view_all") ? t.permissions.view : may("conversation.transfer") ? undefined : may("conversation.release") ? undefined : t.permissions.transfer;
  const items: MenuProps["items"] = [
    { key: "diagnose", label: t.diagnose },
    { type: "divider" },
    item("presence", t.setPresence, may("presence.set_others") || own && may("presence.set") ? undefined : t.permissions.presence),
    item("hand", row.load > 0 ? t.handOverCount(row.load) : t.handOver, needsHand, row.load > 0 ? "" : t.nothingToHandOver),
    item("extend", t.extend, may("policy.edit") && may("policy.view") ? undefined : t.permissions.edit),
    ...(switchesOf(row).length > 0 ? [item("resume", t.resume, may("policy.edit") && may("policy.view") ? undefined : t.permissions.edit)] : []),
  ];
  const choose: MenuProps["onClick"] = ({ key }) => {
    if (key === "diagnose") {
      onClose();
      void navigate({ href: addressOf(row.agent, filter, cellOf(row, "account", filter, []).check?.gate) });
    } else setAction(key as Action);
  };
  if (action === "presence") return <PresenceDialog row={row} onClose={onClose} />;
  if (action === "hand") return <HandOverDialog row={row} mayTransfer={may("conversation.transfer")} mayRelease={may("conversation.release")} onClose={onClose} />;
  if (action === "extend") return <ExtendDialog row={row} onClose={onClose} />;
  if (action === "resume") return <ResumeDialog row={row} onClose={onClose} />;
  return (
    <Dropdown open autoFocus trigger={["click"]} placement="bottomRight" menu={{ items, onClick: choose }} onOpenChange={(open, { source }) => open || source === "menu" || onClose()}>
      <span className="board-anchor" style={{ insetInlineStart: at.left, insetBlockStart: at.top, width: at.width, height: at.height }} />
    </Dropdown>
  );
}
