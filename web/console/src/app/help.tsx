import { Modal } from "antd";
import type { ReactNode } from "react";
import { frameText } from "./frame.text";
import { useActiveKeys, type Key } from "./keys";
import { useWords } from "./words";

const mac = navigator.userAgent.includes("Mac");

const shown = (key: string): string => (key.startsWith("mod+") ? `${mac ? "⌘" : "Ctrl"} ${key.slice(4).toUpperCase()}` : key === " " ? "Space" : key);

/** Help lists the keys that work on the page that is shown. */
export default function Help({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  const t = useWords(frameText);
  const groups = new Map<string, Key[]>();
  for (const k of useActiveKeys()) groups.set(k.group, [...(groups.get(k.group) ?? []), k]);
  return (
    <Modal open={open} onCancel={onClose} footer={null} title={t.keys} width={480}>
      {[...groups].map(([group, keys]) => (
        <section key={group} className="help-group">
          <h2>{group}</h2>
          <dl className="help-keys">
            {keys.map((k) => <div key={k.key}><dt><kbd>{shown(k.key)}</kbd></dt><dd>{k.does}</dd></div>)}
          </dl>
        </section>
      ))}
    </Modal>
  );
}
