import { App, Button } from "antd";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ComponentType, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { useMay, useMe } from "../../app/me";
import { useLanguage, useWords } from "../../app/words";
import { useErrorWords } from "../../ui/states";
import { same, type Spec } from "../agents/edit";
import { Faults } from "./faults";
import { TextField, Wrong } from "./fields";
import { History } from "./history";
import { ImpactPanel } from "./impact";
import { Edits, type Edit } from "./keep";
import { differences, reapply } from "./merge";
import { grantorsOf, titleOf, told } from "./names";
import { alterationsOf, changed, impactOf, readDocument, save, type Alteration, type Change, type Document, type Impact, type Policy } from "./queries";
import { StaleDialog } from "./stale";
import { receptionText } from "./text";

/** What a form is given: the edit, and a way to change it. */
export interface FormProps {
  readonly policy: Policy;
  readonly name: string;
  readonly spec: Spec;
  readonly change: (spec: Spec) => void;
  readonly faults: Faults;
  readonly readOnly: boolean;
}

/** A kind of document that can be edited here. */
export interface Editable {
  readonly kind: string;
  readonly Form: ComponentType<FormProps>;
  /** What a new one begins with. */
  readonly fresh: Spec;
  /** The document is one of others in its form (an account's extensions, say): it cannot be deleted here, and has its own name. */
  readonly partial?: boolean;
  /** The editor says that recorded messages are not matched again. */
  readonly content?: boolean;
}

interface Props {
  readonly of: Editable;
  readonly policy: Policy;
  /** Undefined for a new document that has no name yet. */
  readonly name: string | undefined;
  /** Where documents of the kind are listed. */
  readonly list: string;
}

const edits = new Edits(sessionStorage);
const newName = "~new";
const validName = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const typingPause = 500;

/** What saving would do, once it was asked for. */
interface Weighed {
  readonly change: Change;
  readonly alterations: readonly Alteration[];
  readonly impact: Impact | undefined;
}

/**
 * The one frame around every form of the settings: what is typed is checked by the server while it is typed, stays in this tab until it is saved, is weighed
 * before it is saved if it bears on anybody's reception, and never replaces what somebody else saved meanwhile without saying so.
 */
export function DocumentEditor({ of, policy, name, list }: Props): ReactNode {
  const t = useWords(receptionText);
  const words = useErrorWords();
  const { message, modal } = App.useApp();
  const navigate = useNavigate();
  const account = useMe()?.account ?? "";
  const editable = useMay("policy.edit");
  const saved = policy.documents.find((d) => d.kind === of.kind && d.name === name);
  const key = name ?? newName;
  const [edit, setEdit] = useState<Edit | undefined>(() => edits.read(account, of.kind, key));
  const [restored] = useState(edit !== undefined);
  const [busy, setBusy] = useState(false);
  const [weighed, setWeighed] = useState<Weighed>();
  const [refused, setRefused] = useState<Faults>(Faults.none);
  const [theirs, setTheirs] = useState<Document | "gone">();

  const base = edit?.base ?? saved?.spec ?? of.fresh;
  const revision = edit?.revision ?? saved?.revision ?? policy.revision;
  const draft = edit?.draft ?? base;
  const ownName = name ?? edit?.name ?? "";
  const dirty = edit !== undefined;
  const isNew = saved === undefined;
  const behind = dirty && saved !== undefined && saved.revision > revision;

  const keep = (next: Edit | undefined): void => {
    edits.write(account, of.kind, key, next);
    setEdit(next);
    setRefused(Faults.none);
  };
  const put = (next: Spec, called = ownName): void => {
    const unchanged = same(next, base) && (name !== undefined || called === "");
    keep(unchanged ? undefined : { base, revision, draft: next, ...(name === undefined ? { name: called } : {}) });
  };

  const checked = useChecked({ kind: of.kind, name: ownName, spec: draft }, policy, dirty && editable && validName.test(ownName));
  const faults = refused.any ? refused : checked.faults;
  const nameFaults = name !== undefined || ownName === "" ? [] : !validName.test(ownName) ? [t.nameBad] : policy.documents.some((d) => d.kind === of.kind && d.name === ownName) ? [t.nameTaken] : [];

  const write = async (change: Change, alterations: readonly Alteration[]): Promise<void> => {
    setBusy(true);
    try {
      const now = await save(change, revision);
      await changed();
      keep(undefined);
      setWeighed(undefined);
      const people = told(alterations);
      if (change.spec === undefined) void message.success(t.removed(now));
      else if (!isNew && now === revision) void message.info(t.same);
      else void message.success(people.length === 0 ? t.saved(now) : t.savedTold(now, t.list(people)));
      if (change.spec === undefined && !of.partial) void navigate({ to: list });
      else if (name === undefined) void navigate({ to: `${list}/${change.name}` });
    } catch (error) {
      setWeighed(undefined);
      await failed(error);
    } finally {
      setBusy(false);
    }
  };

  const failed = async (error: unknown): Promise<void> => {
    if (error instanceof ApiError && error.status === 412) return compare();
    const faults = Faults.of(error, of.kind, ownName);
    if (faults.any) setRefused(faults);
    else void message.error(words(error));
  };

  /** compare shows what somebody else saved. */
  const compare = async (): Promise<void> => {
    try {
      setTheirs(await readDocument(of.kind, ownName));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) setTheirs("gone");
      else void message.error(words(error));
    }
    void changed();
  };

  const weigh = async (spec: Spec | undefined): Promise<void> => {
    setBusy(true);
    const change: Change = { kind: of.kind, name: ownName, spec };
    try {
      const [alterations, impact] = await Promise.all([alterationsOf(change, policy), impactOf(change, policy)]);
      if (alterations.length === 0 && impact?.same === true && spec !== undefined) await write(change, alterations);
      else setWeighed({ change, alterations, impact });
    } catch (error) {
      await failed(error);
    } finally {
      setBusy(false);
    }
  };

  const discard = (): void => void modal.confirm({ title: t.discard, okText: t.discard, cancelText: t.cancel, okButtonProps: { danger: true }, onOk: () => keep(undefined) });
  const title = name === undefined ? "" : titleOf(policy, of.kind, name);
  const remove = (): void => void modal.confirm({ title: <bdi>{t.removeTitle(title)}</bdi>, content: t.removeText, okText: t.remove, cancelText: t.cancel, okButtonProps: { danger: true }, onOk: () => weigh(undefined) });
  const count = differences(base, draft).length;
  const ready = ownName !== "" && nameFaults.length === 0 && !faults.any && !checked.busy;
  return (
    <div className="rc-editor">
      {!editable && <ReadOnly policy={policy} />}
      {restored && dirty && <p className="rc-notice" role="status">{t.restoredEdit}</p>}
      {behind && <p className="rc-notice" role="status">{t.staleNow} <Button size="small" onClick={() => void compare()}>{t.staleLook}</Button></p>}
      {name === undefined && (
        <section className="card rc-form">
          <TextField label={t.name} value={ownName} onChange={(v) => put(draft, v.trim())} hint={t.nameHint} wrong={nameFaults} disabled={!editable} max={64} />
        </section>
      )}
      <of.Form policy={policy} name={ownName} spec={draft} change={(next) => put(next)} faults={faults} readOnly={!editable} />
      {saved !== undefined && (
        <History policy={policy} kind={of.kind} name={saved.name} current={saved.revision} onRestore={editable && of.partial !== true ? async (to) => {
          put((await readDocument(of.kind, saved.name, to)).spec);
          void message.info(t.restoredVersion(to));
        } : undefined} />
      )}
      {editable && saved !== undefined && of.partial !== true && !dirty && <p><Button danger loading={busy} onClick={remove}>{t.remove}</Button></p>}
      {editable && dirty && (
        <div className="rc-pending" role="region" aria-label={t.pending(count)}>
          <div className="rc-pending-text" aria-live="polite">
            <strong>{t.pending(count)}</strong>
            {faults.any ? <><span className="rc-wrong">{t.faults(faults.count)}</span><Wrong of={faults.summary().slice(0, 3)} /></>
              : <span className="soft">{checked.busy ? t.checking : checked.alterations === undefined ? "" : checked.alterations.length === 0 ? t.noEffect : t.affects(checked.alterations.length)}</span>}
          </div>
          <Button onClick={discard}>{t.discard}</Button>
          <Button type="primary" loading={busy} disabled={!ready} onClick={() => void weigh(draft)}>{t.save}</Button>
        </div>
      )}
      <ImpactPanel weighed={weighed} policy={policy} content={of.content === true} saving={busy} onClose={() => setWeighed(undefined)}
        onSave={() => weighed && void write(weighed.change, weighed.alterations)} />
      {theirs && edit && (
        <StaleDialog policy={policy} kind={of.kind} name={ownName} base={edit.base} mine={edit.draft} theirs={theirs}
          onReapply={() => {
            const now = theirs === "gone" ? {} : theirs.spec;
            const next = theirs === "gone" ? edit.draft : reapply(edit.base, edit.draft, now);
            keep(same(next, now) ? undefined : { base: now, revision: theirs === "gone" ? policy.revision : theirs.revision, draft: next });
            setTheirs(undefined);
          }}
          onTake={() => {
            keep(undefined);
            setTheirs(undefined);
          }} />
      )}
    </div>
  );
}

/** useChecked asks the server about an edit, once nobody types. */
function useChecked(change: Change, policy: Policy, wanted: boolean): { readonly faults: Faults; readonly alterations: readonly Alteration[] | undefined; readonly busy: boolean } {
  const language = useLanguage();
  const spec = change.spec;
  const [asked, ask] = useState(spec);
  useEffect(() => {
    const timer = setTimeout(() => ask(spec), typingPause);
    return () => clearTimeout(timer);
  }, [spec]);
  const answer = useQuery({
    queryKey: ["reception", "check", change.kind, change.name, language, policy.revision, asked],
    queryFn: ({ signal }) => alterationsOf({ ...change, spec: asked }, policy, signal),
    enabled: wanted, retry: false, staleTime: 15_000, placeholderData: keepPreviousData,
  });
  return useMemo(() => ({
    faults: wanted && answer.error ? Faults.of(answer.error, change.kind, change.name) : Faults.none,
    alterations: wanted ? answer.data : undefined,
    busy: wanted && (asked !== spec || answer.isFetching),
  }), [wanted, answer.error, answer.data, answer.isFetching, asked, spec, change.kind, change.name]);
}

/** ReadOnly says which right is missing and who can give it. */
export function ReadOnly({ policy }: { readonly policy: Policy }): ReactNode {
  const t = useWords(receptionText);
  const who = grantorsOf(policy).slice(0, 5);
  return <p className="rc-notice">{t.readOnly} {who.length > 0 && <bdi>{t.grantors(t.list(who))}</bdi>}</p>;
}
