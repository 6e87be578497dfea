import { Segmented, Tooltip } from "antd";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { clock, exact, kindTitle } from "@bida/shared/format";
import { useLanguage, useWords } from "../../app/words";
import { ErrorState, Loading } from "../../ui/states";
import { hoursOf, piecesOf, placeOf } from "./lanes";
import { timelineQuery, type Timeline } from "./queries";
import { diagnosisText } from "./text";

const ranges = [6, 24, 168] as const;

/** TimelineSection draws what held and what came, one lane above the other. */
export default function TimelineSection({ agent, at }: { readonly agent: string; readonly at: string | undefined }): ReactNode {
  const t = useWords(diagnosisText);
  const [hours, setHours] = useState<number>(24);
  const timeline = useQuery(timelineQuery(agent, hours, at));
  return (
    <section className="card timeline" aria-labelledby="timeline">
      <header className="timeline-head">
        <h2 id="timeline">{t.timeline}</h2>
        <Segmented<number> value={hours} onChange={setHours} options={ranges.map((h) => ({ value: h, label: t.lastHours(h) }))} aria-label={t.timeline} />
      </header>
      {timeline.isPending ? <Loading rows={4} /> : timeline.data === undefined ? <ErrorState error={timeline.error} onRetry={() => void timeline.refetch()} /> : <Lanes timeline={timeline.data} />}
    </section>
  );
}

/** Good, bad and neutral values of lanes; the word is always beside the colour. */
const tone: Readonly<Record<string, string>> = {
  active: "pass", available: "pass", open: "pass", away: "wait", dnd: "wait", unresponsive: "block", stale: "block", none: "quiet", offline: "quiet", ended: "quiet", never: "quiet",
};

function Lanes({ timeline }: { readonly timeline: Timeline }): ReactNode {
  const t = useWords(diagnosisText);
  const language = useLanguage();
  const { from, to } = timeline;
  const values: Readonly<Record<string, string>> = t.values;
  const states: Readonly<Record<string, string>> = t.states;
  const percent = (part: number): string => `${(part * 100).toFixed(3)}%`;
  const spans = [["sessions", timeline.sessions], ["presence", timeline.presence], ["connection", timeline.connection]] as const;
  if (timeline.revisions.length + timeline.messages.length + timeline.sessions.length + timeline.presence.length + timeline.connection.length === 0) return <p className="soft">{t.timelineEmpty}</p>;
  return (
    <div className="lanes">
      <div className="lane">
        <span className="lane-name">{t.lanes.revisions}</span>
        <div className="lane-track">
          {timeline.revisions.map((r) => {
            const says = [`${t.revision(r.revision)} · ${exact(r.at)}`, r.by === undefined ? "" : t.by(r.by), r.reason === undefined ? "" : t.reason(r.reason), r.documents.join(", ")].filter((x) => x !== "").join("\n");
            return <Tooltip key={r.revision} title={<span className="lines">{says}</span>}><span role="img" tabIndex={0} className="lane-mark" data-tone="accent" aria-label={says} style={{ insetInlineStart: percent(placeOf(r.at, from, to)) }} /></Tooltip>;
          })}
        </div>
      </div>
      {spans.map(([name, list]) => (
        <div className="lane" key={name}>
          <span className="lane-name">{t.lanes[name]}</span>
          <div className="lane-track">
            {piecesOf(list, from, to).map(({ at, width, span }) => {
              const says = [`${values[span.value] ?? span.value}`, `${exact(span.from)} – ${span.to === null ? t.now : exact(span.to)}`, span.by === undefined ? "" : t.by(span.by), span.reason ?? ""].filter((x) => x !== "").join("\n");
              return (
                <Tooltip key={span.from} title={<span className="lines">{says}</span>}>
                  <button type="button" className="lane-span" data-tone={tone[span.value] ?? "quiet"} aria-label={says} style={{ insetInlineStart: percent(at), width: percent(width) }}>
                    <span aria-hidden="true">{width > 0.08 ? (values[span.value] ?? span.value) : ""}</span>
                  </button>
                </Tooltip>
              );
            })}
          </div>
        </div>
      ))}
      <div className="lane">
        <span className="lane-name">{t.lanes.messages}</span>
        <div className="lane-track">
          {timeline.messages.map((m) => {
            const says = [`${m.message} · ${states[m.state] ?? m.state}`, `${timeline.titles[`inbox/${m.inbox}`] ?? m.inbox} · ${kindTitle(m.kind, language)}`, exact(m.at)].join("\n");
            return (
              <Tooltip key={m.message + m.at} title={<span className="lines">{says}</span>}>
                <Link to="/messages/$id" params={{ id: m.message }} className="lane-mark" data-tone={m.state === "withdrawn" ? "block" : m.state === "queued" ? "wait" : "pass"} aria-label={says} style={{ insetInlineStart: percent(placeOf(m.at, from, to)) }} />
              </Tooltip>
            );
          })}
        </div>
      </div>
      <div className="lane" aria-hidden="true">
        <span className="lane-name" />
        <div className="lane-axis numbers">{hoursOf(from, to).map((h) => <span key={h.getTime()} style={{ insetInlineStart: percent(placeOf(h.toISOString(), from, to)) }}>{clock(h, language)}</span>)}</div>
      </div>
      {timeline.partial && <p className="soft">{t.timelinePartial}</p>}
    </div>
  );
}
