import { expect, test } from "vitest";
import { documentsOf, shortValue } from "./fix";

test("a fix becomes the documents that the server takes, whole", () => {
  expect(documentsOf([{ kind: "account", name: "agent-a", spec: { title: "客服甲", agent: true }, fields: [] }])).toEqual([
    { kind: "account", name: "agent-a", spec: { title: "客服甲", agent: true } },
  ]);
});

test("a fix whose documents were left out is never sent as empty ones", () => {
  expect(documentsOf([{ kind: "account", name: "agent-b", spec: {} }, { kind: "account", name: "agent-a" }])).toBeUndefined();
});

test("values are shown on one line, what is not there as nothing", () => {
  expect(shortValue(undefined)).toBe("");
  expect(shortValue(null)).toBe("");
  expect(shortValue([{ permission: "receive.group" }])).toBe('[{"permission":"receive.group"}]');
  expect(shortValue("x".repeat(200))).toHaveLength(80);
});
