import { Button } from "antd";
import { CloseOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { ask, type Schemas } from "@bida/shared/api";
import { clock } from "@bida/shared/format";
import { api } from "../../app/api";
import { clientName, clientVersion } from "../../app/version";
import { useLanguage, useWords } from "../../app/words";
import { Closed, idOf } from "./closed";
import { announcementsText } from "./text";
import "./announcements.css";

const closed = new Closed(sessionStorage);

/** Announcements stand above every page: what is announced to the person, and that this console must be updated. */
export default function Announcements(): ReactNode {
  const t = useWords(announcementsText);
  const language = useLanguage();
  const [, look] = useState(0);
  const { data } = useQuery({
    queryKey: ["announcements", language],
    queryFn: ({ signal }) => ask(api.GET("/announcements", { params: { query: { client: clientName, version: clientVersion() } }, signal })),
    staleTime: 15_000,
    refetchInterval: 30_000,
  });
  const list = (data?.announcements ?? []).filter((a) => !closed.has(idOf(a)));
  if (list.length === 0 && !data?.update) return null;
  return (
    <section className="announcements" aria-label={t.region}>
      {data?.update && (
        <div className="announcement" data-kind="update" role="alert">
          <p><b>{data.update.reason}</b> {t.updateText(data.update.seen === "" ? t.noVersion : data.update.seen, data.update.required)} {data.update.because && <span className="soft" dir="auto">{data.update.because}</span>}</p>
          <Button size="small" type="primary" onClick={() => location.reload()}>{t.update}</Button>
        </div>
      )}
      {list.map((a) => (
        <div className="announcement" key={idOf(a)} role="status">
          <p>{a.title && <b dir="auto">{a.title}</b>} <span dir="auto">{a.text}</span> <span className="soft numbers"><When of={a} /></span></p>
          <Button size="small" type="text" icon={<CloseOutlined />} aria-label={t.close} onClick={() => {
            closed.add(idOf(a));
            look((n) => n + 1);
          }} />
        </div>
      ))}
    </section>
  );
}

/** When says how long it lasts: the window where there is one. */
function When({ of }: { readonly of: Schemas["Announcement"] }): ReactNode {
  const t = useWords(announcementsText);
  const language = useLanguage();
  if (!of.window) return t.until(clock(of.until, language));
  const { from, until, inboxes, now } = of.window;
  const where = inboxes.length === 0 ? t.allInboxes : t.inboxes(inboxes.map((i) => i.title ?? i.name).join(language === "zh" ? "、" : ", "));
  return now ? t.underWay(clock(until, language), where) : t.window(clock(from, language), clock(until, language), where);
}
