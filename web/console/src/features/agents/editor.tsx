import { App, Button, DatePicker, Segmented, Select, Tooltip } from "antd";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import dayjs from "dayjs";
import { useDeferredValue, useEffect, useState, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { useMay } from "../../app/me";
import { queries } from "../../app/api";
import { useLanguage, useWords } from "../../app/words";
import { Outcome, type OutcomeName } from "../../ui/outcome";
import { useErrorWords } from "../../ui/states";
import { choose, chooseRoles, chosen, differences, reapply, rolesOf, same, type Choice, type Override, type Spec } from "./edit";
import { Flips } from "./flips";
import { History } from "./history";
import { Impact, StaleDialog } from "./impact";
import { Matrix } from "./matrix";
import { Mark, nameOf } from "./parts";
import { changed, documentQuery, historyQuery, previewQuery, readDocument, saveDocument, type Account, type Permission, type Permissions, type Role } from "./queries";
import { agentsText } from "./text";
import { differenceWords, sourceWords, told } from "./words";

interface Saved {
  readonly spec: Spec;
  readonly revision: number;
}

interface Props {
  readonly account: Account;
  readonly permissions: Permissions;
  readonly document: Saved;
}

/**
 * The permission editor. What is shown of an edit that is not saved is the server's answer to it, never this page's own reckoning: there is one
 * evaluator.
 */
export function Editor({ account, permissions, document }: Props): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const words = useErrorWords();
  const { message, modal } = App.useApp();
  const editable = useMay("policy.edit");
  // Only while something is edited is there anything here; else what is saved is shown.
  const [edit, setEdit] = useState<{ readonly base: Saved; readonly draft: Spec }>();
  const [reviewing, setReviewing] = useState(false);
  const [theirs, setTheirs] = useState<Saved>();
  const base = edit?.base ?? document;
  const draft = edit?.draft ?? document.spec;
  const dirty = edit !== undefined;
  const asked = useDeferredValue(draft);
  const preview = useQuery({ ...previewQuery(account.name, asked, language), enabled: dirty && editable, placeholderData: keepPreviousData, retry: false });
  const current = dirty && asked === draft && !preview.isPlaceholderData && !preview.isFetching;
  const shown = (dirty ? preview.data?.permissions : undefined) ?? permissions;
  const list = differences(base.spec, draft);
  const alterations = preview.data?.alterations ?? [];

  useEffect(() => {
    if (permissions.document !== document.revision) void queries.invalidateQueries({ queryKey: documentQuery(account.name).queryKey });
  }, [permissions.document, document.revision, account.name]);

  const change = (next: Spec): void => setEdit(same(next, base.spec) ? undefined : { base, draft: next });
  const restore = (spec: Spec): void => setEdit(same(spec, document.spec) ? undefined : { base: document, draft: spec });

  const save = useMutation({
    mutationFn: () => saveDocument(account.name, draft, base.revision),
    onSuccess: async (revision) => {
      const before = base.spec;
      const people = told(alterations);
      setReviewing(false);
      setEdit(undefined);
      await changed();
      if (revision === base.revision) {
        void message.info(t.nothingToSave);
        return;
      }
      const key = `saved-${revision}`;
      const undo = async (): Promise<void> => {
        message.destroy(key);
        const now = await readDocument(account.name);
        setEdit(same(before, now.spec) ? undefined : { base: now, draft: before });
        void message.info(t.undoHint);
      };
      void message.success({
        key, duration: 10,
        content: <span>{people.length === 0 ? t.saved(revision) : t.savedTold(revision, t.list(people))} <Button size="small" type="link" onClick={() => void undo()}>{t.undo}</Button></span>,
      });
    },
    onError: async (error) => {
      if (error instanceof ApiError && error.status === 412) {
        setReviewing(false);
        void queries.invalidateQueries({ queryKey: historyQuery(account.name).queryKey }); // the dialog says who saved first
        setTheirs(await readDocument(account.name));
        return;
      }
      void message.error(words(error));
    },
  });

  useBlocker({
    disabled: !dirty,
    enableBeforeUnload: () => dirty,
    shouldBlockFn: ({ current: from, next }) => {
      if (from.pathname === next.pathname) return false;
      return new Promise<boolean>((resolve) => void modal.confirm({
        title: t.leaveTitle, content: t.leaveText, okText: t.leave, cancelText: t.stay, okButtonProps: { danger: true }, onOk: () => resolve(false), onCancel: () => resolve(true),
      }));
    },
  });

  const discard = (): void => void modal.confirm({
    title: t.discardTitle, content: t.sentence(list.map((d) => differenceWords(d, shown, t, language))), okText: t.discard, cancelText: t.cancel, okButtonProps: { danger: true },
    onOk: () => setEdit(undefined),
  });

  const suspended = account.state !== "active";
  const block = (name: "basic" | "role" | "receiving", inside?: ReactNode): ReactNode => (
    <section className="card agents-block" aria-labelledby={`block-${name}`}>
      <h2 id={`block-${name}`}>{t.blocks[name]}</h2>
      <p className="soft">{t.blockTexts[name]}</p>
      {inside}
      <ul className="agents-permissions">
        {shown.blocks.find((b) => b.block === name)?.permissions.map((p) => (
          <Row key={p.name} account={account.name} permission={p} override={chosen(draft, p.name)} changed={!same(chosen(draft, p.name), chosen(base.spec, p.name))} suspended={suspended}
            {...(editable ? { onChange: (o: Override) => change(choose(draft, p.name, o)) } : {})} />
        ))}
      </ul>
    </section>
  );
  return (
    <div className="agents-editor">
      {suspended && <p className="agents-notice">{t.suspended(t.states[account.state])}</p>}
      {!editable && <p className="agents-notice soft">{t.readOnly}</p>}
      {block("receiving", <Matrix now={permissions} then={dirty ? preview.data?.permissions : undefined} />)}
      {block("basic")}
      {block("role", <Roles roles={shown.roles} held={rolesOf(draft)} {...(editable ? { onChange: (roles: readonly string[]) => change(chooseRoles(draft, roles)) } : {})} />)}
      <History account={account.name} current={document.revision} onRestore={async (revision) => {
        restore((await readDocument(account.name, revision)).spec);
        void message.info(t.restored(revision));
      }} />
      {dirty && (
        <div className="agents-pending" role="region" aria-label={t.pending(list.length)}>
          <div className="agents-pending-text" aria-live="polite">
            <strong>{t.pending(list.length)}</strong>
            {preview.error
              ? <span className="agents-wrong" role="alert">{t.refused}: {problemsOf(preview.error, words)}</span>
              : <span className="soft">{!current ? t.checking : alterations.length === 0 ? t.noEffect : t.affects(alterations.length)}</span>}
          </div>
          <Button onClick={discard}>{t.discard}</Button>
          <Button type="primary" loading={save.isPending} disabled={!current || preview.error !== null}
            onClick={() => (alterations.length === 0 ? save.mutate() : setReviewing(true))}>{alterations.length === 0 ? t.save : t.review}</Button>
        </div>
      )}
      <Impact open={reviewing && dirty} account={account} changes={list.map((d) => differenceWords(d, shown, t, language))} alterations={alterations} saving={save.isPending}
        onSave={() => save.mutate()} onClose={() => setReviewing(false)} />
      {theirs && edit && (
        <StaleDialog account={account.name} base={edit.base.spec} mine={edit.draft} theirs={theirs} permissions={permissions}
          onReapply={() => {
            const next = reapply(edit.base.spec, edit.draft, theirs.spec);
            setEdit(same(next, theirs.spec) ? undefined : { base: theirs, draft: next });
            setTheirs(undefined);
            void changed();
          }}
          onTake={() => {
            setEdit(undefined);
            setTheirs(undefined);
            void changed();
          }} />
      )}
    </div>
  );
}

/** problemsOf says what a document is refused for, every place once. */
function problemsOf(error: unknown, words: (error: unknown) => string): string {
  const list = error instanceof ApiError ? error.errors.map((e) => e.message).filter((m) => m !== "") : [];
  return list.length === 0 ? words(error) : [...new Set(list)].slice(0, 3).join("; ");
}

/** How a permission stands: what was taken away is red, what nobody gave is quiet. */
function standing(p: Permission): { readonly outcome: OutcomeName; readonly expected: boolean } {
  if (p.effective) return { outcome: "pass", expected: false };
  const onPurpose = p.granted || p.source.kind === "none" || p.source.kind === "not_agent";
  return { outcome: "block", expected: onPurpose && p.source.kind !== "parent" };
}

interface RowProps {
  readonly account: string;
  readonly permission: Permission;
  readonly override: Override;
  readonly changed: boolean;
  readonly suspended: boolean;
  readonly onChange?: (override: Override) => void;
}

function Row({ account, permission: p, override, changed: isChanged, suspended, onChange }: RowProps): ReactNode {
  const t = useWords(agentsText);
  const language = useLanguage();
  const [ending, setEnding] = useState(false);
  const [telling, setTelling] = useState(false);
  const { outcome, expected } = standing(p);
  const choices = (["inherit", "allow", "deny"] as const).map((value: Choice) => ({ value, label: t.choice[value] }));
  const ends = override.choice !== "inherit" && (ending || override.until !== undefined);
  const behind = p.source.kind === "deny" && p.from_roles.length > 0 ? t.wouldRole(t.list(p.from_roles.map(nameOf))) : "";
  const word = p.effective ? t.effective : suspended && p.granted && !p.parent_off ? t.suspendedShort : t.notEffective;
  return (
    <li className="agents-permission" data-child={p.name.startsWith("receive.") ? "" : undefined} data-changed={isChanged ? "" : undefined}>
      <div className="agents-permission-text">
        <Tooltip title={`${p.meaning} (${p.name})`}><span className="agents-permission-title">{p.title}</span></Tooltip>
        <Outcome outcome={outcome} expected={expected}>{word}</Outcome>
        {isChanged ? <Mark tone="wait">{t.changed}</Mark>
          : <Button size="small" type="link" className="agents-tell" aria-expanded={telling} aria-label={`${t.flips} (${p.title})`} onClick={() => setTelling(!telling)}>{t.flips}</Button>}
        <span className="soft agents-source">
          <bdi>{sourceWords(p, t, language)}</bdi>
          {behind !== "" && <> · <bdi>{behind}</bdi></>}
          {p.parent_off && p.source.kind !== "parent" && <> · {t.alsoParent}</>}
        </span>
        {telling && !isChanged && <Flips account={account} permission={p.name} />}
      </div>
      {onChange && (
        <div className="agents-permission-choice">
          {override.choice !== "inherit" && (ends
            ? <DatePicker size="small" showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" aria-label={t.endOf(p.title)} placeholder={t.forGood} value={override.until === undefined ? null : dayjs(override.until)}
                onChange={(at) => {
                  setEnding(at !== null);
                  onChange(at === null ? { choice: override.choice } : { choice: override.choice, until: at.second(0).millisecond(0).format("YYYY-MM-DDTHH:mm:ssZ") });
                }} />
            : <Button size="small" type="link" onClick={() => setEnding(true)} aria-label={`${t.addEnd} (${p.title})`}>{t.addEnd}</Button>)}
          <Segmented size="small" aria-label={t.choiceOf(p.title)} options={choices} value={override.choice} onChange={(choice) => onChange(choice === override.choice ? override : { choice })} />
        </div>
      )}
    </li>
  );
}

interface RolesProps {
  readonly roles: readonly Role[];
  readonly held: readonly string[];
  readonly onChange?: (roles: readonly string[]) => void;
}

/** The roles of the account, what each gives, and where one differs from its template. */
function Roles({ roles, held, onChange }: RolesProps): ReactNode {
  const t = useWords(agentsText);
  const mine = held.map((name) => roles.find((r) => r.name === name)).filter((r) => r !== undefined);
  return (
    <div className="agents-roles">
      <label className="agents-roles-pick">
        <span>{t.rolesHeld}</span>
        {onChange
          ? <Select mode="multiple" value={[...held]} onChange={(value: string[]) => onChange(value)} placeholder={t.rolesNone} aria-label={t.rolesHeld} optionFilterProp="label"
              options={roles.map((r) => ({ value: r.name, label: nameOf(r) }))} />
          : <bdi>{mine.length === 0 ? t.rolesNone : t.list(mine.map(nameOf))}</bdi>}
      </label>
      <ul>
        {mine.map((r) => (
          <li key={r.name}>
            <bdi className="agents-permission-title">{nameOf(r)}</bdi>
            {r.missing.length + r.extra.length > 0 && <Mark tone="wait">{t.differs}</Mark>}
            <span className="soft">
              {t.gives(r.permissions.length)}
              {r.builtin && ` · ${t.builtin}`}
              {r.template !== undefined && r.missing.length + r.extra.length === 0 && !r.builtin && <> · <bdi>{t.follows(nameOf({ name: r.template, title: r.template_title }))}</bdi></>}
              {r.template !== undefined && r.missing.length + r.extra.length > 0 && <> · <bdi>{t.differsFrom(nameOf({ name: r.template, title: r.template_title }))}</bdi></>}
              {r.missing.length > 0 && ` · ${t.missing(t.list(r.missing))}`}
              {r.extra.length > 0 && ` · ${t.extra(t.list(r.extra))}`}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
