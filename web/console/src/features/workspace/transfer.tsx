import { App, Button, Input, Modal } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useId, useMemo, useState, type ReactNode } from "react";
import { Empty, ErrorState, Loading, useErrorWords } from "../../ui/states";
import { useWords } from "../../app/words";
import { receiversQuery, transfer, type Conversation } from "./queries";
import { ReceiverLine } from "./receiver";
import { workspaceText } from "./text";

interface Props {
  readonly conversation: Conversation;
  readonly onClose: () => void;
}

/** TransferDialog hands a conversation to a colleague: who can have it, and of all others why not. */
export default function TransferDialog({ conversation, onClose }: Props): ReactNode {
  const t = useWords(workspaceText);
  const { message } = App.useApp();
  const words = useErrorWords();
  const query = useQuery(receiversQuery(conversation.id));
  const [text, setText] = useState("");
  const [chosen, choose] = useState<string>();
  const [busy, setBusy] = useState(false);
  const found = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (query.data?.receivers ?? []).filter((r) => `${r.title} ${r.account}`.toLowerCase().includes(wanted));
  }, [query.data, text]);
  const receiver = found.find((r) => r.account === chosen && r.can) ?? found.find((r) => r.can);
  const able = found.filter((r) => r.can);
  const move = (by: number): void => choose(able[(able.findIndex((r) => r === receiver) + by + able.length) % Math.max(able.length, 1)]?.account);
  const list = useId();
  const go = async (): Promise<void> => {
    if (!receiver || busy) return;
    setBusy(true);
    try {
      await transfer(conversation.id, receiver.account);
      void message.success(t.transferred(receiver.title));
      onClose();
    } catch (error) {
      void message.error(words(error));
      void query.refetch();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open onCancel={onClose} title={t.chooseReceiver} width={480}
      footer={[<Button key="cancel" onClick={onClose}>{t.cancel}</Button>,
        <Button key="go" type="primary" loading={busy} disabled={!receiver} onClick={() => void go()}>{receiver ? `${t.doTransfer} · ${receiver.title}` : t.doTransfer}</Button>]}>
      <Input autoFocus allowClear placeholder={t.searchReceiver} aria-label={t.searchReceiver} value={text} onChange={(e) => setText(e.target.value)} role="combobox" aria-expanded aria-controls={list}
        aria-activedescendant={receiver ? `${list}-${receiver.account}` : undefined} onKeyDown={(e) => {
          if (e.nativeEvent.isComposing) return;
          if (e.key === "Enter") void go();
          if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
          e.preventDefault();
          move(e.key === "ArrowDown" ? 1 : -1);
        }} />
      {query.data && able.length === 0 && found.length > 0 && <p className="ws-none-can">{t.noneCan}</p>}
      <div className="ws-receivers" tabIndex={0}>
        {query.isPending ? <Loading rows={4} /> : query.isError ? <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          : found.length === 0 ? <Empty title={text === "" ? t.whoCouldNone : t.noReceiver} />
            : (
              <ul role="listbox" id={list} aria-label={t.chooseReceiver}>
                {found.map((r) => (
                  <li key={r.account} id={`${list}-${r.account}`} role="option" aria-selected={r === receiver} aria-disabled={!r.can} onClick={() => r.can && choose(r.account)} onDoubleClick={() => void go()}>
                    <ReceiverLine receiver={r} />
                  </li>
                ))}
              </ul>
            )}
      </div>
    </Modal>
  );
}
