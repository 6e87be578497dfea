import { App, Button, Input, Popconfirm, Popover, Table } from "antd";
import { DeleteOutlined, SaveOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { ask } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { api } from "../../app/api";
import { useMay } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading, useErrorWords } from "../../ui/states";
import { savedListQuery, type Saved } from "./queries";
import type { Sheet } from "./sheet";
import { checklistText } from "./text";

/** SaveButton keeps the sheet with its report, to be shared by its link. */
export function SaveButton({ sheet, onSaved }: { readonly sheet: Sheet; readonly onSaved: (id: string) => void }): ReactNode {
  const t = useWords(checklistText);
  const words = useErrorWords();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [title, setTitle] = useState("");
  const [note, setNote] = useState("");
  const save = useMutation({
    mutationFn: () => ask(api.POST("/checklists", { body: { ...sheet, ...(title.trim() === "" ? {} : { title: title.trim() }), ...(note.trim() === "" ? {} : { note }) } })),
    onSuccess: async (saved) => {
      void message.success(t.saved);
      await cache.invalidateQueries({ queryKey: savedListQuery.queryKey });
      onSaved(saved.id);
    },
    onError: (e) => void message.error(words(e)),
  });
  return (
    <Popover trigger="click" placement="bottomRight" title={t.saveTitle} content={(
      <form className="checklist-save" onSubmit={(e) => {
        e.preventDefault();
        save.mutate();
      }}>
        <Input aria-label={t.name} placeholder={t.name} value={title} maxLength={120} onChange={(e) => setTitle(e.target.value)} />
        <Input.TextArea aria-label={t.note} placeholder={t.note} value={note} maxLength={2000} rows={3} onChange={(e) => setNote(e.target.value)} />
        <Button type="primary" htmlType="submit" loading={save.isPending}>{t.save}</Button>
      </form>
    )}>
      <Button icon={<SaveOutlined />} type="primary">{t.save}</Button>
    </Popover>
  );
}

/** The saved check-lists: one's own, and those of all for who may diagnose others. */
export function SavedLists({ platforms }: { readonly platforms: (id: string) => string }): ReactNode {
  const t = useWords(checklistText);
  const language = useLanguage();
  const words = useErrorWords();
  const cache = useQueryClient();
  const { message } = App.useApp();
  const mayEdit = useMay("policy.edit");
  const list = useQuery(savedListQuery);
  const verdicts: Readonly<Record<string, string>> = t.verdict;
  const remove = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/checklists/{id}", { params: { path: { id } } })),
    onSuccess: async () => {
      void message.success(t.removed);
      await cache.invalidateQueries({ queryKey: savedListQuery.queryKey });
    },
    onError: (e) => void message.error(words(e)),
  });
  return (
    <section className="card checklist-saved">
      <h3>{t.savedLists}</h3>
      {list.isPending ? <Loading rows={3} /> : list.data === undefined ? <ErrorState error={list.error} onRetry={() => void list.refetch()} />
        : list.data.checklists.length === 0 ? <p className="soft">{t.noneSaved}</p> : (
          <Table<Saved> size="small" rowKey="id" pagination={{ pageSize: 10, hideOnSinglePage: true }} scroll={{ x: 640 }} dataSource={[...list.data.checklists]} columns={[
            { title: t.name, dataIndex: "title", render: (v: string, r) => <Link to="/checklist" search={{ id: r.id }}>{v === "" ? t.untitled : v}</Link> },
            { title: t.platform, dataIndex: "platform", render: platforms },
            { title: t.agent, dataIndex: "agent", render: (v: string) => <span dir="auto">{v}</span> },
            { title: t.verdictTitle, dataIndex: "verdict", render: (v: string) => verdicts[v] ?? v },
            { title: t.by, key: "by", render: (_, r) => <span dir="auto">{r.by_title ?? r.by}</span> },
            { title: t.at, dataIndex: "at", render: (v: string) => <span className="numbers">{clock(v, language)}</span> },
            { title: "", key: "remove", render: (_, r) => (r.own || mayEdit ? (
              <Popconfirm title={t.removeTitle} okText={t.remove} cancelText={t.cancel} onConfirm={() => remove.mutate(r.id)}>
                <Button size="small" type="text" icon={<DeleteOutlined />} aria-label={t.remove} />
              </Popconfirm>
            ) : null) },
          ]} />
        )}
    </section>
  );
}
