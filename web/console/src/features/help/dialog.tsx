import { App, Input, Modal } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useRef, useState, type ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { api } from "../../app/api";
import { useWords } from "../../app/words";
import { useErrorWords } from "../../ui/states";
import type { AskProps } from "./ask";
import { newId } from "./id";
import { helpText } from "./text";

/** The dialog in which a person asks for help. The server makes the report again: what a browser has is nobody's proof. */
export default function AskDialog({ question, onClose }: AskProps & { readonly onClose: () => void }): ReactNode {
  const t = useWords(helpText);
  const words = useErrorWords();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [note, setNote] = useState("");
  const id = useRef(newId()); // sent twice, it is one request
  const label = useId();
  const send = useMutation({
    mutationFn: () => ask(api.POST("/help-requests", { body: { ...question, id: id.current, ...(note.trim() === "" ? {} : { note: note.trim() }) } })),
    onSuccess: async (request) => {
      void message.success(request.asked > 1 ? t.joined : t.sent);
      onClose();
      await cache.invalidateQueries({ queryKey: ["help"] });
      void navigate({ to: "/diagnosis", search: { view: "help", request: request.id } });
    },
    onError: (e) => {
      id.current = newId();
      void message.error(words(e));
    },
  });
  return (
    <Modal open title={t.askTitle} okText={t.send} cancelText={t.cancel} confirmLoading={send.isPending} onOk={() => send.mutate()} onCancel={onClose}>
      <p>{t.askText}</p>
      <label htmlFor={label} className="soft">{t.note}</label>
      <Input.TextArea id={label} value={note} onChange={(e) => setNote(e.target.value)} maxLength={500} rows={3} autoFocus />
    </Modal>
  );
}
