import { Drawer } from "antd";
import type { ReactNode } from "react";
import { ContactPane } from "./contact";
import type { Conversation } from "./queries";

interface Props {
  readonly conversation: Conversation;
  /** It comes from below, as on a phone. */
  readonly bottom: boolean;
  readonly onClose: () => void;
}

/** ContactDrawer is the customer's pane where there is no room beside the thread. */
export default function ContactDrawer({ conversation, bottom, onClose }: Props): ReactNode {
  return (
    <Drawer open onClose={onClose} placement={bottom ? "bottom" : "right"} size={bottom ? "85%" : 340} closable={false} title={null} styles={{ body: { padding: 0 } }}>
      <ContactPane conversation={conversation} onClose={onClose} />
    </Drawer>
  );
}
