import { App as AntApp, ConfigProvider } from "antd";
import enGB from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, type ReactNode } from "react";
import { queries } from "./api";
import { useDark, usePreferences } from "./preferences";
import { router } from "./router";
import { themeOf } from "./theme";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

export function App(): ReactNode {
  const { language } = usePreferences();
  const dark = useDark();
  const theme = useMemo(() => themeOf(dark), [dark]);
  useLayoutEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.toggleAttribute("data-dark", dark);
  }, [language, dark]);
  return (
    <ConfigProvider locale={language === "zh" ? zhCN : enGB} theme={theme} csp={{ nonce }} button={{ autoInsertSpace: false }}>
      <AntApp component={false}>
        <QueryClientProvider client={queries}><RouterProvider router={router} /></QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}
