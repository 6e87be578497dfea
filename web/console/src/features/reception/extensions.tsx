import { Button } from "antd";
import { CloseOutlined, PlusOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";
import { useWords } from "../../app/words";
import type { Editable, FormProps } from "./editor";
import { TextField, TimeField, Wrong } from "./fields";
import { put } from "./merge";
import type { Policy } from "./queries";
import { sectionText } from "./sections.text";
import { receptionText } from "./text";

export interface Extension {
  readonly from?: string;
  readonly until?: string;
  readonly reason?: string;
}

export const extended = ["account", "team", "inbox"] as const;
export type Extended = (typeof extended)[number];

/** extensions edits what extends the windows of one account, team or inbox. */
export const extensions = (kind: Extended): Editable => ({ kind, Form: forms[kind], fresh: {}, partial: true });

const forms = {
  account: (props: FormProps) => <ExtensionForm {...props} kind="account" />,
  team: (props: FormProps) => <ExtensionForm {...props} kind="team" />,
  inbox: (props: FormProps) => <ExtensionForm {...props} kind="inbox" />,
};

export function extensionsOf(spec: Readonly<Record<string, unknown>>): readonly Extension[] {
  return Array.isArray(spec["extensions"]) ? (spec["extensions"] as readonly Extension[]) : [];
}

export function stateOf(e: Extension, now: Date): "over" | "now" | "later" {
  if (e.until !== undefined && Date.parse(e.until) <= now.getTime()) return "over";
  return e.from !== undefined && Date.parse(e.from) > now.getTime() ? "later" : "now";
}

/** allExtensions lists whose windows are extended, those that end first at the top. */
export function allExtensions(policy: Policy): readonly { readonly kind: Extended; readonly name: string; readonly extension: Extension }[] {
  return policy.documents
    .flatMap((d) => extended.filter((k) => k === d.kind).flatMap((kind) => extensionsOf(d.spec).map((extension) => ({ kind, name: d.name, extension }))))
    .sort((a, b) => (a.extension.until ?? "").localeCompare(b.extension.until ?? ""));
}

function ExtensionForm({ kind, spec, change, faults, readOnly }: FormProps & { readonly kind: Extended }): ReactNode {
  const t = useWords(receptionText);
  const x = useWords(sectionText).extension;
  const list = extensionsOf(spec);
  const set = (next: readonly Extension[]): void => change(put(spec, "/extensions", next));
  const change1 = (i: number, field: keyof Extension, value: string | undefined): void => set(list.with(i, put({ ...list[i] }, `/${field}`, value)));
  return (
    <section className="card rc-lines-form">
      <p className="soft">{x.effect[kind]}</p>
      {list.length === 0 && <p className="soft">{x.none}</p>}
      {list.map((e, i) => (
        <div key={i} className="rc-form rc-extension">
          <TimeField label={t.from} value={e.from} onChange={(v) => change1(i, "from", v)} wrong={faults.at(`/extensions/${i}/from`)} hint={x.atOnce} disabled={readOnly} />
          <TimeField label={t.until} value={e.until} onChange={(v) => change1(i, "until", v)} wrong={faults.at(`/extensions/${i}/until`)} disabled={readOnly} clearable={false} />
          <TextField label={t.reason} value={e.reason} onChange={(v) => change1(i, "reason", v)} wrong={faults.at(`/extensions/${i}/reason`)} disabled={readOnly} />
          <Wrong of={faults.at(`/extensions/${i}`, false)} />
          {!readOnly && <Button size="small" icon={<CloseOutlined />} onClick={() => set(list.toSpliced(i, 1))}>{x.drop}</Button>}
        </div>
      ))}
      {!readOnly && <Button icon={<PlusOutlined />} onClick={() => set([...list, { until: new Date((Math.floor(Date.now() / 3_600_000) + 3) * 3_600_000).toISOString() }])}>{x.add}</Button>}
    </section>
  );
}
