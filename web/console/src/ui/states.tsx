import { Button } from "antd";
import { CopyOutlined, InboxOutlined, LockOutlined, ReloadOutlined, WarningOutlined } from "@ant-design/icons";
import { useEffect, useState, type ReactNode } from "react";
import { ApiError } from "@bida/shared/api";
import { ago, exact } from "@bida/shared/format";
import { texts } from "@bida/shared/text";
import { copyText } from "../app/clipboard";
import { useFeedback } from "../app/feedback";
import { useOutdated } from "../app/version";
import { useLanguage, useWords } from "../app/words";

const stateText = texts(
  {
    loading: "正在加载",
    retry: "重试",
    copy: "复制详情",
    copied: "详情已复制",
    notCopied: "浏览器没有允许复制，请截图保存。",
    network: "服务器没有响应",
    networkShort: "服务器没有响应，请稍后再试。",
    networkText: "可能是网络断开，或服务正在重启。已经送出的消息不受影响；恢复后这里会自动更新。",
    part: "这一部分没有取到",
    partText: "可能是网络断开，或服务正在重启。消息的收发不受影响，已写的内容保存在本机。",
    outdated: "Bida 已更新",
    outdatedText: "这个标签页还是旧版本，需要重新加载才能继续。已写的内容保存在本机，不会丢失。",
    reload: "重新加载",
    forbidden: "没有权限",
    forbiddenText: (permission: string) => `需要权限“${permission}”。请联系管理员在“客服与权限”里开通。`,
    failed: "没有读到内容",
    request: "请求编号",
    stale: (age: string) => `${age}的数据`,
    staleHint: (at: string) => `最后一次更新：${at}`,
  },
  {
    loading: "Loading",
    retry: "Try again",
    copy: "Copy the details",
    copied: "The details are copied",
    notCopied: "The browser did not allow copying; take a screenshot instead.",
    network: "The server does not answer",
    networkShort: "The server does not answer. Try again shortly.",
    networkText: "The network may be down, or the server is restarting. Messages that were sent are safe; this page goes on by itself.",
    part: "This part could not be fetched",
    partText: "The network may be down, or the server is restarting. Messages go on; what you have written is kept on this device.",
    outdated: "Bida has been updated",
    outdatedText: "This tab still has the old version and must be reloaded to go on. What you have written is kept on this device.",
    reload: "Reload",
    forbidden: "No permission",
    forbiddenText: (permission: string) => `This needs the permission “${permission}”. An administrator can grant it under Agents and permissions.`,
    failed: "This could not be read",
    request: "request",
    stale: (age: string) => `as of ${age}`,
    staleHint: (at: string) => `Last updated ${at}`,
  },
);

/** Loading is a skeleton, but only once the wait can be felt. */
export function Loading({ rows = 6 }: { readonly rows?: number }): ReactNode {
  const t = useWords(stateText);
  const [felt, setFelt] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setFelt(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div role="status" aria-busy="true">
      <span className="visually-hidden">{t.loading}</span>
      {felt && <div aria-hidden="true" className="skeleton">{Array.from({ length: rows + 1 }, (_, i) => <i key={i} />)}</div>}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly text?: ReactNode;
  readonly icon?: ReactNode;
  /** There is nothing else on the page, so this is its heading. */
  readonly whole?: boolean;
  readonly children?: ReactNode;
}

/** Empty says that there is nothing, why that may be, and what can be done. */
export function Empty({ title, text, icon = <InboxOutlined />, whole = false, children }: EmptyProps): ReactNode {
  const Heading = whole ? "h1" : "h2";
  return (
    <div className="state">
      <span aria-hidden="true" className="soft" data-size="icon">{icon}</span>
      <Heading>{title}</Heading>
      {text !== undefined && <p>{text}</p>}
      {children !== undefined && <div className="actions">{children}</div>}
    </div>
  );
}

/** detailsOf is what somebody who asks for help copies. */
export function detailsOf(error: unknown): string {
  const e = error instanceof ApiError ? error : undefined;
  return JSON.stringify({
    at: exact(new Date()), page: location.pathname + location.search, status: e?.status, code: e?.code ?? "client",
    detail: e?.message ?? String(error), field: e?.field, request: e?.request, browser: navigator.userAgent,
  }, null, 2);
}

/** wordsOfError is what an error says in a sentence. */
export function useErrorWords(): (error: unknown) => string {
  const t = useWords(stateText);
  return (error) => {
    if (!(error instanceof ApiError)) return t.failed;
    return error.status === 0 ? t.networkShort : error.message;
  };
}

/** ErrorState says what happened, what it means for messages, and what to do; a missing permission by its name. */
export function ErrorState({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }): ReactNode {
  const t = useWords(stateText);
  const { message: toast } = useFeedback();
  if (!(error instanceof ApiError)) throw error; // a fault of ours is the boundary's business
  const missing = error.details["permission"];
  if (error.status === 403) return <NoPermission permission={typeof missing === "string" ? missing : ""} text={error.message} />;
  const copy = async (): Promise<void> => {
    try {
      await copyText(detailsOf(error));
      void toast.success(t.copied);
    } catch {
      void toast.error(t.notCopied);
    }
  };
  return (
    <div className="state" role="alert">
      <span aria-hidden="true" className="soft"><WarningOutlined /></span>
      <h2>{error.status === 0 ? t.network : error.title || t.failed}</h2>
      <p>{error.status === 0 ? t.networkText : error.message}</p>
      {error.request !== undefined && <p className="numbers">{t.request} {error.request}</p>}
      <div className="actions">
        {onRetry && <Button type="primary" icon={<ReloadOutlined />} onClick={onRetry}>{t.retry}</Button>}
        <Button icon={<CopyOutlined />} onClick={copy}>{t.copy}</Button>
      </div>
    </div>
  );
}

/** PartFailed stands where a part of the console could not be fetched: because the server is away, or because the tab is older than it. */
export function PartFailed({ onRetry }: { readonly onRetry: () => void }): ReactNode {
  const t = useWords(stateText);
  const outdated = useOutdated();
  return (
    <div className="state" role="alert">
      <span aria-hidden="true" className="soft"><WarningOutlined /></span>
      <h2>{outdated ? t.outdated : t.part}</h2>
      <p>{outdated ? t.outdatedText : t.partText}</p>
      <div className="actions">
        {!outdated && <Button type="primary" icon={<ReloadOutlined />} onClick={onRetry}>{t.retry}</Button>}
        <Button type={outdated ? "primary" : "default"} onClick={() => location.reload()}>{t.reload}</Button>
      </div>
    </div>
  );
}

/** OldVersion says above every page that this tab is older than the server, once that is known. */
export function OldVersion(): ReactNode {
  const t = useWords(stateText);
  if (!useOutdated()) return null;
  return <div className="old-version" role="alert"><p><b>{t.outdated}</b> {t.outdatedText}</p><Button size="small" type="primary" onClick={() => location.reload()}>{t.reload}</Button></div>;
}

/** NoPermission says which right is missing and who can grant it. */
export function NoPermission({ permission, text, whole = false }: { readonly permission: string; readonly text?: string; readonly whole?: boolean }): ReactNode {
  const t = useWords(stateText);
  return <Empty whole={whole} icon={<LockOutlined />} title={t.forbidden} text={permission === "" ? text : t.forbiddenText(permission)} />;
}

/** Stale shows how old what is shown is, once it is older than it should be. */
export function Stale({ at, after = 20_000 }: { readonly at: number; readonly after?: number }): ReactNode {
  const t = useWords(stateText);
  const language = useLanguage();
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 5000);
    return () => clearInterval(timer);
  }, []);
  if (at === 0 || now.getTime() - at < after) return null;
  const when = new Date(at);
  return <span className="soft numbers" title={t.staleHint(exact(when))}>{t.stale(ago(when, language, now))}</span>;
}
