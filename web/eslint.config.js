import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "shared/src/api/schema.ts", "**/*.config.ts", "**/*.config.js"] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  {
    files: ["**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "react-hooks": hooks },
    rules: {
      "no-restricted-syntax": ["error", {
        selector: "JSXAttribute[name.name='autoSize']",
        message: "It sets a style attribute, which the Content-Security-Policy forbids: see docs/adr/0008-console-csp.md.",
      }],
      "no-control-regex": "off", // texts from outside are searched for just these
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" }],
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      // An event handler may start something that reports its own failure.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["**/*.test.{ts,tsx}", "**/test/**", "**/fake.ts"],
    rules: { "@typescript-eslint/require-await": "off", "@typescript-eslint/no-base-to-string": "off" },
  },
  {
    files: ["**/*.mjs"],
    ...ts.configs.disableTypeChecked,
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" }, parserOptions: { projectService: false } },
  },
);
