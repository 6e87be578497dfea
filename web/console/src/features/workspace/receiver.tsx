import type { ReactNode } from "react";
import { clock } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import type { Receiver } from "./queries";
import { workspaceText } from "./text";

/** ReceiverLine is a colleague with status, load and, where there is one, the reason against. */
export function ReceiverLine({ receiver: r }: { readonly receiver: Receiver }): ReactNode {
  const t = useWords(workspaceText);
  const language = useLanguage();
  const until = r.until === undefined ? "" : ` · ${t.until(clock(r.until, language))}`;
  return (
    <div className="ws-receiver" data-can={r.can ? "" : undefined}>
      <i className="rb-dot" data-presence={r.presence} aria-hidden="true" />
      <span className="ws-receiver-name"><bdi>{r.title}</bdi> <small className="soft">{t.presence[r.presence]} · {t.load(r.load)}</small></span>
      <small className="ws-receiver-why" dir="auto">
        {r.can ? r.reason === undefined ? <span className="ws-ok">✓ {t.canNow}</span> : <span className="ws-warn">◷ {t.atStretch}{language === "en" ? " " : ""}{r.reason}{until}</span> : <span className="soft">✕ {r.reason}{until}</span>}
      </small>
    </div>
  );
}
