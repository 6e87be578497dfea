import { MoreOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { ago, exact } from "@bida/shared/format";
import { useKeys } from "../../app/keys";
import { part } from "../../app/part";
import { useLanguage, useWords } from "../../app/words";
import { reasonTitle, useReasons } from "../../ui/gates";
import { Outcome, outcomeText } from "../../ui/outcome";
import { CellView, tripOf, type Words } from "./cell";
import { Details } from "./details";
import { cellOf, columns, first, type Column, type Filter, type Inbox, type Row } from "./model";
import { freshIn, type Trip } from "./stream";
import { boardText } from "./text";

const Menu = part(() => import("./menu"), { waiting: null, quiet: true });

interface Props {
  readonly rows: readonly Row[];
  readonly shown: readonly Column[];
  readonly filter: Filter;
  readonly inboxes: readonly Inbox[];
  readonly trips: ReadonlyMap<string, Trip>;
  readonly compact: boolean;
}

/** Where the pointer, or the keyboard, is. */
interface Spot {
  readonly agent: string;
  readonly column: Column;
}

const hoverAfter = 300;

/** How long a change of a cell can be seen. */
const freshFor = 2_500;

/** addressOf is where the diagnosis of an agent is, at a gate. */
export function addressOf(agent: string, filter: Filter, gate: string | undefined): string {
  const query = new URLSearchParams({ agent });
  if (filter.inbox !== "") query.set("inbox", filter.inbox);
  if (filter.kind !== "") query.set("kind", filter.kind);
  return `/diagnosis?${query.toString()}${gate === undefined ? "" : `#check-${gate}`}`;
}

/** Table draws only those rows that can be seen. A row that is not told of again is not drawn again. */
export function Table({ rows, shown, filter, inboxes, trips, compact }: Props): ReactNode {
  const t = useWords(boardText);
  const language = useLanguage();
  const outcomes = useWords(outcomeText);
  const reasonOf = useReasons();
  const words = useMemo<Words>(() => ({ t, language, outcomes, reasonOf }), [t, language, outcomes, reasonOf]);
  const navigate = useNavigate();
  const box = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Spot>();
  const [hover, setHover] = useState<Spot & { readonly beside: DOMRect }>();
  const [menu, setMenu] = useState<{ readonly agent: string; readonly at: DOMRect }>();
  const phone = usePhone();
  const now = useNow(10_000);
  const height = phone ? 88 : compact ? 40 : 48;
  const rowVirtualizer = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => height, overscan: 6, getItemKey: (i) => rows[i]?.agent ?? i });
  useEffect(() => rowVirtualizer.measure(), [rowVirtualizer, height]);
  useEffect(() => void Menu.preload(), []);

  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const show = useCallback((spot: Spot | undefined, wait = hoverAfter): void => {
    clearTimeout(timer.current);
    if (spot === undefined) {
      setHover(undefined);
      return;
    }
    timer.current = setTimeout(() => {
      const element = document.getElementById(idOf(spot));
      setHover(element ? { ...spot, beside: element.getBoundingClientRect() } : undefined);
    }, wait);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);

  const open = (spot: Spot): void => {
    const row = rows.find((r) => r.agent === spot.agent);
    if (row) void navigate({ href: addressOf(row.agent, filter, cellOf(row, spot.column, filter, inboxes).check?.gate) });
  };
  const openMenu = (agent: string): void => {
    show(undefined);
    const button = document.getElementById(`board-do-${agent}`);
    if (button) setMenu({ agent, at: button.getBoundingClientRect() });
  };

  const at = active === undefined ? -1 : rows.findIndex((r) => r.agent === active.agent);
  const move = (rowBy: number, columnBy: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + rowBy));
    const was = active === undefined ? 0 : shown.indexOf(active.column);
    const column = shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : was + columnBy))] ?? columns[0];
    const row = rows[index];
    if (row === undefined) return;
    rowVirtualizer.scrollToIndex(index);
    setActive({ agent: row.agent, column });
    show({ agent: row.agent, column }, 400);
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => move(1, 0), ArrowUp: () => move(-1, 0), ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1),
    PageDown: () => move(10, 0), PageUp: () => move(-10, 0), Home: () => move(-rows.length, 0), End: () => move(rows.length, 0),
    Enter: () => active && open(active), Escape: () => show(undefined),
  };
  const press = (e: KeyboardEvent): void => {
    const run = e.ctrlKey || e.metaKey || e.altKey || e.target !== box.current ? undefined : keys[e.key];
    if (!run) return;
    e.preventDefault();
    run();
  };
  useKeys(useMemo(() => [
    { key: "a", does: t.keyActions, group: t.keyGroup, run: () => active && openMenu(active.agent) },
  // eslint-disable-next-line react-hooks/exhaustive-deps -- openMenu only sets state and reads the page
  ], [t, active]));

  const over = (e: MouseEvent): void => {
    const cell = e.target instanceof Element ? e.target.closest<HTMLElement>("[data-column]") : null;
    const agent = cell?.dataset["agent"];
    const column = columns.find((c) => c === cell?.dataset["column"]);
    show(agent === undefined || column === undefined ? undefined : { agent, column });
  };
  const click = (e: MouseEvent): void => {
    if (!(e.target instanceof Element)) return;
    const button = e.target.closest<HTMLElement>("[data-menu]");
    if (button) {
      openMenu(button.dataset["menu"] ?? "");
      return;
    }
    const cell = e.target.closest<HTMLElement>("[data-column]");
    const column = columns.find((c) => c === cell?.dataset["column"]);
    const agent = cell?.dataset["agent"];
    if (agent !== undefined && column !== undefined) open({ agent, column });
  };
  const hovered = hover && rows.find((r) => r.agent === hover.agent);
  const chosen = menu && rows.find((r) => r.agent === menu.agent);
  const template = phone ? "1fr" : `minmax(124px, 1.4fr) repeat(${shown.length}, minmax(80px, 1fr)) 92px 108px`;
  return (
    <div className="card board-table" data-phone={phone ? "" : undefined}>
      <div className="board-scroll" ref={box} role="grid" aria-label={t.title} aria-rowcount={rows.length + 1} aria-colcount={shown.length + 3} tabIndex={0} onKeyDown={press}
        aria-activedescendant={at < 0 || active === undefined ? undefined : idOf(active)} onMouseOver={over} onMouseLeave={() => show(undefined)} onClick={click} onScroll={() => hover && show(undefined)}
        onBlur={() => show(undefined)}>
        {!phone && (
          <div className="board-row board-head" role="row" style={{ gridTemplateColumns: template }}>
            <span role="columnheader" className="board-who">{t.agent}</span>
            {shown.map((c) => <span role="columnheader" key={c}>{t.columns[c]}</span>)}
            <span role="columnheader">{t.received}</span>
            <span role="columnheader"><span className="visually-hidden">{t.actions}</span></span>
          </div>
        )}
        <div role="rowgroup" className="board-lines" style={{ height: rowVirtualizer.getTotalSize(), position: "relative" }}>
          {rowVirtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row && (
              <Line key={row.agent} row={row} index={item.index} top={item.start} height={item.size} template={template} shown={shown} filter={filter} inboxes={inboxes} trip={tripOf(row, trips)}
                now={now} phone={phone} words={words} active={active?.agent === row.agent ? active.column : undefined} />
            );
          })}
        </div>
      </div>
      {hover && hovered && !menu && !phone && <Details row={hovered} column={hover.column} filter={filter} inboxes={inboxes} trips={trips} beside={hover.beside} />}
      {menu && chosen && <Menu row={chosen} at={menu.at} filter={filter} onClose={() => {
        setMenu(undefined);
        box.current?.focus({ preventScroll: true });
      }} />}
    </div>
  );
}

function idOf(spot: Spot): string {
  return `board-${spot.column}-${spot.agent}`;
}

interface LineProps {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly template: string;
  readonly shown: readonly Column[];
  readonly filter: Filter;
  readonly inboxes: readonly Inbox[];
  readonly trip: number | undefined;
  readonly now: Date;
  readonly phone: boolean;
  readonly words: Words;
  readonly active: Column | undefined;
}

const Line = memo(function Line({ row, index, top, height, template, shown, filter, inboxes, trip, now, phone, words, active }: LineProps): ReactNode {
  const { t, language, reasonOf } = words;
  const news = freshIn(row);
  const changed = (c: Column): boolean => news !== undefined && news.columns.has(c) && Date.now() - news.at < freshFor;
  const name = row.title !== undefined && row.title.trim() !== "" ? row.title : row.agent;
  const received = row.received === undefined ? <span className="soft">{t.never}</span> : <time dateTime={row.received} title={exact(row.received)}>{ago(row.received, language, now)}</time>;
  const link = <a className="board-diagnose" href={addressOf(row.agent, filter, undefined)} aria-label={t.diagnoseWhom(name)}>{t.diagnose}</a>;
  const more = <button type="button" className="board-more" id={`board-do-${row.agent}`} data-menu={row.agent} aria-haspopup="menu" aria-label={t.actionsOf(name)}><MoreOutlined /></button>;
  const style = { height, transform: `translateY(${top}px)`, gridTemplateColumns: template };
  if (phone) {
    const stop = first(row, filter, inboxes);
    return (
      <div role="row" aria-rowindex={index + 1} className="board-row board-line board-card" style={style} data-fresh={news && Date.now() - news.at < freshFor ? "" : undefined}>
        <span role="gridcell" className="board-who"><b><bdi>{name}</bdi></b> <span className="soft numbers">{row.limit === undefined ? row.live : `${row.live}/${row.limit}`} · {received}</span></span>
        <span role="gridcell" className="board-first" id={`board-${stop?.column ?? "account"}-${row.agent}`} data-agent={row.agent} data-column={stop?.column ?? "account"}>
          {stop ? <Outcome outcome={stop.outcome} expected={stop.expected}>{t.cell(t.columns[stop.column], reasonTitle(reasonOf(stop.code), stop.code, language))}</Outcome> : <Outcome outcome="pass">{t.allPass}</Outcome>}
        </span>
        <span role="gridcell" className="board-do">{link}{more}</span>
      </div>
    );
  }
  return (
    <div role="row" aria-rowindex={index + 2} className="board-row board-line" style={style}>
      <span role="rowheader" className="board-who"><b><bdi title={name}>{name}</bdi></b><span className="soft"><bdi>{row.number ?? row.agent}</bdi></span></span>
      {shown.map((c) => {
        const cell = cellOf(row, c, filter, inboxes);
        return (
          <span role="gridcell" key={c} id={`board-${c}-${row.agent}`} data-agent={row.agent} data-column={c} data-active={active === c ? "" : undefined} data-fresh={changed(c) ? "" : undefined}
            className="board-check" data-outcome={cell.outcome} data-expected={cell.expected ? "" : undefined}>
            <CellView row={row} column={c} cell={cell} inboxes={inboxes} trip={c === "connection" ? trip : undefined} words={words} />
          </span>
        );
      })}
      <span role="gridcell" className="numbers board-received">{received}</span>
      <span role="gridcell" className="board-do">{link}{more}</span>
    </div>
  );
});

/** useNow is the time, read again now and then. */
function useNow(every: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

function usePhone(): boolean {
  const [phone, setPhone] = useState(() => window.matchMedia("(max-width: 720px)").matches);
  useEffect(() => {
    const media = window.matchMedia("(max-width: 720px)");
    const hear = (): void => setPhone(media.matches);
    media.addEventListener("change", hear);
    return () => media.removeEventListener("change", hear);
  }, []);
  return phone;
}
