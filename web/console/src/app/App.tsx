import { ConfigProvider } from "antd";
import enGB from "antd/locale/en_GB";
import zhCN from "antd/locale/zh_CN";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, type ReactNode } from "react";
import { queries } from "./api";
import { FeedbackProvider } from "./feedback";
import { nonce } from "./nonce";
import { useDark, usePreferences, useStill } from "./preferences";
import { router } from "./router";
import { themeOf } from "./theme";

/** Pop-ups lie inside the page's landmark, so that whoever goes from landmark to landmark finds them. */
const popups = (): HTMLElement => document.getElementById("popups") ?? document.body;

export function App(): ReactNode {
  const { language } = usePreferences();
  const dark = useDark();
  const still = useStill();
  const theme = useMemo(() => themeOf(dark, still), [dark, still]);
  useLayoutEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.toggleAttribute("data-dark", dark);
  }, [language, dark]);
  return (
    <ConfigProvider locale={language === "zh" ? zhCN : enGB} theme={theme} csp={{ nonce }} getPopupContainer={popups} button={{ autoInsertSpace: false }}>
      <FeedbackProvider>
        <QueryClientProvider client={queries}><RouterProvider router={router} /></QueryClientProvider>
      </FeedbackProvider>
    </ConfigProvider>
  );
}
