import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { part } from "./part";
import { entryOf, lookForNewVersion } from "./version";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const patience = { timeout: 30_000 };
const page = (name: string) => `<html><script type="module" crossorigin src="/assets/${name}.js"></script></html>`;

it("a part that could not be fetched says so, and can be tried again", async () => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.reject(new TypeError("no network"))));
  let tries = 0;
  const Part = part<object>(() => (++tries === 1 ? Promise.reject<never>(new TypeError("failed to fetch")) : Promise.resolve({ default: () => <p>the part</p> })));
  render(<Part />);
  fireEvent.click(await screen.findByRole("button", { name: /重试|Try again/ }, patience));
  await screen.findByText("the part", undefined, patience);
  expect(tries).toBe(2);
}, 60_000);

it("what was fetched ahead is there at once", async () => {
  const Part = part(() => Promise.resolve({ default: () => <p>ahead</p> }));
  await Part.preload();
  render(<Part />);
  expect(screen.getByText("ahead")).toBeTruthy();
});

it("an old tab is told apart from a server that is away", async () => {
  expect(entryOf(page("index-1"))).toBe("/assets/index-1.js");
  const says = (text: string, status = 200) => (() => Promise.resolve(new Response(text, { status }))) as typeof fetch;
  expect(await lookForNewVersion(says(page("index-1")), "/assets/index-1.js")).toBe(false);
  expect(await lookForNewVersion(says("busy", 503), "/assets/index-1.js")).toBe(false);
  expect(await lookForNewVersion(() => Promise.reject(new TypeError("no network")), "/assets/index-1.js")).toBe(false);
  expect(await lookForNewVersion(says(page("index-2")), "/assets/index-1.js")).toBe(true);
  const Gone = part<object>(() => Promise.reject<never>(new TypeError("404")));
  render(<Gone />);
  await screen.findByText(/Bida 已更新|Bida has been updated/, undefined, patience);
  expect(screen.queryByRole("button", { name: /重试|Try again/ })).toBeNull();
}, 60_000);
