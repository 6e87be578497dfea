import { Button } from "antd";
import { GlobalOutlined, MenuFoldOutlined, MenuUnfoldOutlined, SearchOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Boundary } from "../ui/boundary";
import { ErrorState, OldVersion } from "../ui/states";
import { onSignedOut, queries } from "./api";
import { frameText } from "./frame.text";
import { listenForKeys, useKeys } from "./keys";
import { meQuery } from "./me";
import { openPages, targetOf } from "./open";
import { part } from "./part";
import { prefer, usePreferences } from "./preferences";
import { BarSlot } from "./slots";
import { useWords } from "./words";

/** What the person can receive stands on every page, and what keeps it so runs behind it. */
const ReceptionBar = part(() => import("../features/workspace/bar"), { waiting: null, quiet: true });
/** What is announced stands above every page. */
const Announcements = part(() => import("../features/announcements"), { waiting: null, quiet: true });
const Palette = part(() => import("./palette"), { waiting: null, quiet: true });
const Help = part(() => import("./help"), { waiting: null, quiet: true });
/** The menus at the right of the top bar come right after the page; until then their buttons stand there. */
const Menus = part(() => import("./menus"), { waiting: <MenuButtons />, quiet: true });

const paletteKeys = navigator.userAgent.includes("Mac") ? "⌘ K" : "Ctrl K";

/** Frame is what stands around every page: the rail, the top bar, the keys. */
export function Frame(): ReactNode {
  const t = useWords(frameText);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const me = useQuery(meQuery);
  useSignedOut();
  useEffect(listenForKeys, []);
  useKeys(useMemo(() => [
    { key: "mod+k", does: t.keyPalette, group: t.keyEverywhere, run: () => setPalette(true) },
    { key: "?", does: t.keyHelp, group: t.keyEverywhere, run: () => setHelp(true) },
  ], [t]));
  return (
    <div className="frame">
      <Rail />
      <header className="bar">
        <Button type="text" icon={<SearchOutlined />} onClick={() => setPalette(true)} aria-label={`${t.search} ${paletteKeys}`} aria-keyshortcuts="Control+K">
          <span className="phone-hidden soft">{t.search} <kbd>{paletteKeys}</kbd></span>
        </Button>
        <div className="bar-space" />
        <BarSlot />
        {me.data && <ReceptionBar />}
        <Menus title={me.data?.title ?? me.data?.account ?? ""} />
      </header>
      <div className="banner">
        <OldVersion />
        {me.data && <Announcements />}
      </div>
      <main className="page" id="content" tabIndex={-1}>
        {me.data === undefined && me.error ? <ErrorState error={me.error} onRetry={() => void me.refetch()} /> : <Boundary><Outlet /></Boundary>}
        <div id="popups" />
      </main>
      {palette && <Palette open onClose={() => setPalette(false)} />}
      {help && <Help open onClose={() => setHelp(false)} />}
    </div>
  );
}

/** useSignedOut leads to the sign-in page when the session has ended, and remembers where the person was. */
function useSignedOut(): void {
  const navigate = useNavigate();
  useEffect(() => onSignedOut(() => {
    const to = location.pathname + location.search;
    if (location.pathname === "/sign-in") return;
    queries.clear();
    void navigate({ to: "/sign-in", search: to === "/" ? {} : { to } });
  }), [navigate]);
}

function Rail(): ReactNode {
  const t = useWords(frameText);
  const { language, narrow } = usePreferences();
  const me = useQuery(meQuery).data;
  const path = useRouterState({ select: (s) => s.location.pathname });
  const rail = useRef<HTMLElement>(null);
  useEffect(() => { // on a phone there may be more pages than there is room for
    rail.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path, me]);
  return (
    <nav ref={rail} className="rail" aria-label={t.navigation} {...(narrow ? { "data-narrow": "" } : {})}>
      <Link to="/" className="rail-brand" aria-label={t.brand}><img src="/icon.svg" alt="" />{!narrow && t.brand}</Link>
      <ul>
        {(me ? openPages(me) : []).map((page) => {
          const to = targetOf(page);
          const here = path === to || path.startsWith(`${to}/`);
          const Icon = page.icon;
          const title = page.title[language];
          return (
            <li key={to}>
              <Link to={to} className={here ? "rail-link active" : "rail-link"} aria-current={here ? "page" : undefined} aria-label={title} title={narrow ? title : undefined}>
                <Icon /><span className={narrow ? "rail-phone" : undefined}>{title}</span>
              </Link>
            </li>
          );
        })}
      </ul>
      <div className="rail-foot">
        <Button type="text" block icon={narrow ? <MenuUnfoldOutlined /> : <MenuFoldOutlined />} onClick={() => prefer({ narrow: !narrow })} aria-label={narrow ? t.wide : t.narrow} />
      </div>
    </nav>
  );
}

/** MenuButtons have the places of the menus until those have come. */
function MenuButtons(): ReactNode {
  const t = useWords(frameText);
  return (
    <>
      <Button type="text" icon={<GlobalOutlined />} aria-label={t.language} />
      <Button type="text" icon={<SunOutlined />} aria-label={t.appearance} className="phone-hidden" />
      <Button type="text" icon={<UserOutlined />} aria-label={t.account} className="me-button" />
    </>
  );
}
