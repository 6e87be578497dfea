import { theme as antd, type ThemeConfig } from "antd";

/** The colours that are not Ant Design's own, as CSS variables: see app.css. */
export const accent = { light: "#0f5c5c", dark: "#4fb3a5" } as const;

/** themeOf is the one place where Ant Design is told how Bida looks. */
export function themeOf(dark: boolean, still: boolean): ThemeConfig {
  return {
    algorithm: dark ? antd.darkAlgorithm : antd.defaultAlgorithm,
    cssVar: { key: "bida" },
    token: {
      colorPrimary: dark ? accent.dark : accent.light,
      colorInfo: dark ? accent.dark : accent.light,
      colorLink: dark ? accent.dark : accent.light,
      colorSuccess: dark ? "#6cc08b" : "#1e7a45",
      colorError: dark ? "#f08a85" : "#b3261e",
      colorWarning: dark ? "#e0b15c" : "#8a5a00",
      // The grounds that Ant Design would make of these colours are too dark for words in them.
      colorSuccessBg: dark ? "#1a3325" : "#e5f3ea",
      colorErrorBg: dark ? "#3c2221" : "#fbe9e7",
      colorWarningBg: dark ? "#37301d" : "#fbf0d9",
      colorTextSecondary: dark ? "rgba(255,255,255,0.72)" : "rgba(20,32,32,0.70)",
      colorTextTertiary: dark ? "rgba(255,255,255,0.64)" : "rgba(20,32,32,0.62)",
      colorTextPlaceholder: dark ? "rgba(255,255,255,0.62)" : "rgba(20,32,32,0.66)",
      colorTextDescription: dark ? "rgba(255,255,255,0.68)" : "rgba(20,32,32,0.66)",
      colorBgLayout: dark ? "#111716" : "#f5f7f6",
      colorBgContainer: dark ? "#18201f" : "#ffffff",
      colorBgElevated: dark ? "#1f2928" : "#ffffff",
      // Told here and not by a style sheet: what Ant Design opens is put into its place by the end of its motion.
      motion: !still,
      borderRadius: 8,
      fontSize: 14,
      lineHeight: 1.6,
      fontFamily: 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
      motionDurationMid: "0.12s",
      motionDurationSlow: "0.18s",
    },
    components: {
      Table: { cellPaddingBlock: 9, headerBg: "transparent" },
      Button: { primaryShadow: "none", defaultShadow: "none", primaryColor: dark ? "#06211e" : "#ffffff" },
      // Days of other months can be chosen: they are text to be read.
      DatePicker: { colorTextDisabled: dark ? "rgba(255,255,255,0.60)" : "rgba(20,32,32,0.60)" },
      Form: { labelHeight: 24, verticalLabelPadding: "0 0 4px" },
      Segmented: { trackBg: dark ? "#232d2c" : "#e9edec", itemSelectedBg: dark ? "#3d4c4a" : "#ffffff" },
    },
  };
}
