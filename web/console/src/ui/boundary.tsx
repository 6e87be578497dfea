import { Button } from "antd";
import { Component, type ReactNode } from "react";
import { texts, wordsIn } from "@bida/shared/text";
import { copyText } from "../app/clipboard";
import { preferences } from "../app/preferences";
import { detailsOf } from "./states";

const boundaryText = texts(
  { title: "这个页面出错了", text: "这是 Bida 的问题，消息的收发不受影响。重新加载后可以继续；草稿已保存在本机。", reload: "重新加载", copy: "复制详情" },
  { title: "This page has failed", text: "That is a fault in Bida; messages go on. Reload to continue; drafts are kept on this device.", reload: "Reload", copy: "Copy the details" },
);

/** Boundary keeps a fault in one page from taking the whole console with it. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    const t = wordsIn(boundaryText, preferences().language);
    const stack = this.state.error instanceof Error ? (this.state.error.stack ?? "") : "";
    return (
      <div className="state" role="alert">
        <h2>{t.title}</h2>
        <p>{t.text}</p>
        <div className="actions">
          <Button type="primary" onClick={() => location.reload()}>{t.reload}</Button>
          <Button onClick={() => void copyText(`${detailsOf(this.state.error)}\n${stack}`)}>{t.copy}</Button>
        </div>
      </div>
    );
  }
}
