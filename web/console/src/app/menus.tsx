import { Button, Dropdown } from "antd";
import { GlobalOutlined, MoonOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { frameText } from "./frame.text";
import { prefer, useDark, usePreferences, type Appearance } from "./preferences";
import { signOut } from "./session";
import { useWords } from "./words";

/** Menus stand at the right of the top bar: language, appearance, the person. */
export default function Menus({ title }: { readonly title: string }): ReactNode {
  return <><LanguageMenu /><AppearanceMenu /><MeMenu title={title} /></>;
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
