import { expect, test } from "vitest";
import { safeTarget } from "./target";

test("after signing in one comes back to where one was, and never to another host", () => {
  expect(safeTarget("/agents/agent-a?x=1")).toBe("/agents/agent-a?x=1");
  for (const bad of [undefined, "", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-in?to=/sign-in"]) {
    expect(safeTarget(bad)).toBe("/");
  }
});
