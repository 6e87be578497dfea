import { Button, Dropdown, Tooltip } from "antd";
import { GlobalOutlined, MenuFoldOutlined, MenuUnfoldOutlined, MoonOutlined, SearchOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Boundary } from "../ui/boundary";
import { ErrorState } from "../ui/states";
import { onSignedOut, queries } from "./api";
import { frameText } from "./frame.text";
import { listenForKeys, useKeys } from "./keys";
import { meQuery } from "./me";
import { openPages, targetOf } from "./open";
import { prefer, useDark, usePreferences, type Appearance } from "./preferences";
import { signOut } from "./session";
import { BarSlot } from "./slots";
import { useWords } from "./words";

/** What the person can receive stands on every page, and what keeps it so runs behind it. */
const ReceptionBar = lazy(() => import("../features/workspace/bar"));
/** What is announced stands above every page. */
const Announcements = lazy(() => import("../features/announcements"));
const Palette = lazy(() => import("./palette").then((m) => ({ default: m.Palette })));
const Help = lazy(() => import("./help").then((m) => ({ default: m.Help })));

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
        {me.data && <Suspense fallback={null}><ReceptionBar /></Suspense>}
        <LanguageMenu />
        <AppearanceMenu />
        <MeMenu title={me.data?.title ?? me.data?.account ?? ""} />
      </header>
      {me.data && <Suspense fallback={null}><Announcements /></Suspense>}
      <main className="page" id="content" tabIndex={-1}>
        {me.data === undefined && me.error ? <ErrorState error={me.error} onRetry={() => void me.refetch()} /> : <Boundary><Outlet /></Boundary>}
        <div id="popups" />
      </main>
      <Suspense fallback={null}>
        {palette && <Palette open onClose={() => setPalette(false)} />}
        {help && <Help open onClose={() => setHelp(false)} />}
      </Suspense>
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
          const link = (
            <Link to={to} className={here ? "rail-link active" : "rail-link"} aria-current={here ? "page" : undefined} aria-label={page.title[language]}>
              <Icon /><span className={narrow ? "rail-phone" : undefined}>{page.title[language]}</span>
            </Link>
          );
          return <li key={to}>{narrow ? <Tooltip title={page.title[language]} placement="right">{link}</Tooltip> : link}</li>;
        })}
      </ul>
      <div className="rail-foot">
        <Button type="text" block icon={narrow ? <MenuUnfoldOutlined /> : <MenuFoldOutlined />} onClick={() => prefer({ narrow: !narrow })} aria-label={narrow ? t.wide : t.narrow} />
      </div>
    </nav>
  );
}

function LanguageMenu(): ReactNode {
  const t = useWords(frameText);
  const { language } = usePreferences();
  const items = (["zh", "en"] as const).map((key) => ({ key, label: t.languageNames[key], onClick: () => prefer({ language: key }) }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, selectable: true, selectedKeys: [language] }}>
      <Button type="text" icon={<GlobalOutlined />} aria-label={t.language} />
    </Dropdown>
  );
}

function AppearanceMenu(): ReactNode {
  const t = useWords(frameText);
  const { appearance } = usePreferences();
  const dark = useDark();
  const items = (["light", "dark", "system"] as const).map((key: Appearance) => ({ key, label: t.appearanceNames[key], onClick: () => prefer({ appearance: key }) }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, selectable: true, selectedKeys: [appearance] }}>
      <Button type="text" icon={dark ? <MoonOutlined /> : <SunOutlined />} aria-label={t.appearance} className="phone-hidden" />
    </Dropdown>
  );
}

function MeMenu({ title }: { readonly title: string }): ReactNode {
  const t = useWords(frameText);
  const navigate = useNavigate();
  const { appearance } = usePreferences();
  // On a phone the top bar has no room for it.
  const looks = (["light", "dark", "system"] as const).map((key: Appearance) => ({
    key, className: "phone-only", label: t.appearanceOf(t.appearanceNames[key]), onClick: () => prefer({ appearance: key }),
  }));
  const items = [
    { key: "me", label: t.mySessions, onClick: () => void navigate({ to: "/me" }) },
    ...looks.filter((l) => l.key !== appearance),
    { type: "divider" as const },
    { key: "out", label: t.signOut, onClick: () => void signOut().finally(() => void navigate({ to: "/sign-in", search: {} })) },
  ];
  return (
    <Dropdown trigger={["click"]} menu={{ items }} placement="bottomRight">
      <Button type="text" icon={<UserOutlined />} aria-label={`${t.account} ${title}`} className="me-button"><bdi className="phone-hidden me-name">{title}</bdi></Button>
    </Dropdown>
  );
}
