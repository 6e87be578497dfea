import { expect, test, vi } from "vitest";
import { Drafts, noDraft } from "./drafts";
import { FakeKeep } from "./fake";

const draft = (text: string) => ({ ...noDraft, text });

test("a draft is kept by account, conversation and mode, and outlives the page", () => {
  const keep = new FakeKeep();
  const first = new Drafts(keep);
  first.write("a", "c1", "reply", draft("您好"));
  first.write("a", "c1", "note", { text: "内部", mentions: ["b"], files: [{ id: "f1", name: "x.png", type: "image/png", size: 3 }] });
  const again = new Drafts(keep);
  expect(again.read("a", "c1", "reply").text).toBe("您好");
  expect(again.read("a", "c1", "note").files).toHaveLength(1);
  expect(again.read("a", "c2", "reply")).toBe(noDraft);
  expect(again.read("b", "c1", "reply")).toBe(noDraft);
});

test("an empty draft is none, and leaves nothing behind", () => {
  const keep = new FakeKeep();
  const drafts = new Drafts(keep);
  drafts.write("a", "c1", "reply", draft("x"));
  drafts.write("a", "c1", "reply", noDraft);
  expect(keep.kept.size).toBe(0);
  expect(drafts.read("a", "c1", "reply")).toBe(noDraft);
});

test("what cannot be kept holds as long as the page is open", () => {
  const keep = new FakeKeep();
  keep.full = true;
  const drafts = new Drafts(keep);
  drafts.write("a", "c1", "reply", draft("x"));
  expect(drafts.read("a", "c1", "reply").text).toBe("x");
});

test("what somebody wrote there by hand is no draft", () => {
  const keep = new FakeKeep();
  for (const bad of ["{", "3", "null", "{\"text\":3}", "{\"text\":\"x\"}"]) {
    keep.kept.set("bida.draft.a.c1.reply", bad);
    expect(new Drafts(keep).read("a", "c1", "reply")).toBe(noDraft);
  }
});

test("what another tab writes is told and read", () => {
  const keep = new FakeKeep();
  const here = new Drafts(keep);
  const there = new Drafts(keep);
  const told = vi.fn();
  here.subscribe(told);
  expect(here.read("a", "c1", "reply").text).toBe("");
  there.write("a", "c1", "reply", draft("from there"));
  here.changedElsewhere("bida.draft.a.c1.reply");
  expect(here.read("a", "c1", "reply").text).toBe("from there");
  here.changedElsewhere("something.else");
  expect(told).toHaveBeenCalledTimes(1);
});
