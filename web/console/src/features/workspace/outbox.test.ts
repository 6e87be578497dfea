import { expect, test } from "vitest";
import { FakeClock, FakeKeep } from "./fake";
import { Outbox, type Outgoing, type Sent } from "./outbox";

/** An outbox whose server the test plays. */
function room(keep = new FakeKeep()) {
  const clock = new FakeClock();
  const asked: { readonly item: Outgoing; readonly answer: (s: Sent) => Promise<void> }[] = [];
  const box = new Outbox({
    account: "a", keep, now: () => clock.now, after: clock.after,
    send: (item) => new Promise((resolve) => {
      asked.push({ item, answer: async (s) => {
        resolve(s);
        for (let i = 0; i < 4; i++) await Promise.resolve();
      } });
    }),
  });
  const add = (id: string, conversation = "c1"): void => box.add({ id, conversation, mode: "reply", text: `text ${id}`, mentions: [], files: [] });
  return { keep, clock, asked, box, add, states: () => box.list().map((o) => `${o.id} ${o.busy === true ? "busy" : o.state}`) };
}

const last = <T>(list: readonly T[]): T => {
  const x = list.at(-1);
  if (x === undefined) throw new Error("nothing was asked");
  return x;
};

test("messages of a conversation go one after the other, those of others beside them", async () => {
  const { box, add, asked, states } = room();
  box.start();
  add("w1");
  add("w2");
  add("x1", "c2");
  expect(asked.map((a) => a.item.id)).toEqual(["w1", "x1"]);
  await asked[0]?.answer({ kind: "sent", message: "m1" });
  expect(asked.map((a) => a.item.id)).toEqual(["w1", "x1", "w2"]);
  expect(states()).toEqual(["w1 sent", "w2 busy", "x1 busy"]);
  expect(box.list()[0]?.message).toBe("m1");
  box.shown(["w1"]);
  expect(states()).toEqual(["w2 busy", "x1 busy"]);
});

test("without an answer the same is sent again under the same id, later each time", async () => {
  const { box, add, asked, clock } = room();
  box.start();
  add("w1");
  add("w2");
  await last(asked).answer({ kind: "again", reason: "no answer" });
  expect(box.list()[0]).toMatchObject({ id: "w1", state: "waiting", tries: 1, retryAt: clock.now + 1_000, reason: "no answer" });
  clock.pass(999);
  expect(asked).toHaveLength(1);
  clock.pass(1);
  expect(asked.map((a) => a.item.id)).toEqual(["w1", "w1"]);
  await last(asked).answer({ kind: "again", reason: "busy", after: 7_000 });
  clock.pass(6_999);
  expect(asked).toHaveLength(2);
  box.retryNow(); // the network is back
  expect(asked).toHaveLength(3);
  await last(asked).answer({ kind: "sent", message: "m1" });
  expect(last(asked).item.id).toBe("w2");
});

test("a refusal stays with its reason, does not hold up what follows, and is tried again, edited or forgotten as the person likes", async () => {
  const { box, add, asked, states } = room();
  box.start();
  add("w1");
  add("w2");
  await last(asked).answer({ kind: "refused", reason: "已由同事接待" });
  expect(states()).toEqual(["w1 failed", "w2 busy"]);
  await last(asked).answer({ kind: "sent", message: "m2" });
  box.retry("w1");
  expect(last(asked).item.id).toBe("w1");
  expect(box.take("w1")).toBeUndefined(); // under way: it may have arrived
  await last(asked).answer({ kind: "refused", reason: "no" });
  expect(box.take("w1")?.text).toBe("text w1");
  expect(states()).toEqual(["w2 sent"]);
});

test("what is not answered outlives the page, and is sent by the next one", async () => {
  const first = room();
  first.box.start();
  first.add("w1");
  first.add("w2");
  const next = room(first.keep);
  expect(next.states()).toEqual(["w1 waiting", "w2 waiting"]);
  expect(next.asked).toHaveLength(0);
  next.box.start();
  await last(next.asked).answer({ kind: "sent", message: "m1" });
  await last(next.asked).answer({ kind: "sent", message: "m2" });
  expect(first.keep.kept.size).toBe(0);
});

test("signed out, it waits for the next sign-in and loses nothing", async () => {
  const { box, add, asked, states, keep } = room();
  box.start();
  add("w1");
  await last(asked).answer({ kind: "signed_out" });
  expect(states()).toEqual(["w1 waiting"]);
  box.stop();
  add("w2");
  expect(asked).toHaveLength(1);
  expect(keep.kept.get("bida.outbox.a")).toContain("w2");
  box.start();
  expect(asked.map((a) => a.item.id)).toEqual(["w1", "w1"]);
});

test("what another tab has sent is not shown here as waiting, and what is under way here stays", async () => {
  const here = room();
  here.box.start();
  here.add("w1");
  here.add("w2");
  here.keep.kept.set("bida.outbox.a", JSON.stringify([{ id: "w9", conversation: "c9", mode: "note", text: "x", mentions: [], files: [], at: "2026-11-26T00:00:00Z", state: "failed" }]));
  here.box.changedElsewhere();
  expect(here.states().sort()).toEqual(["w1 busy", "w9 failed"]);
  await last(here.asked).answer({ kind: "sent", message: "m1" });
  expect(here.states().sort()).toEqual(["w1 sent", "w9 failed"]);
});

test("what the thread shows while it is under way here, since another tab was faster, is no change until it is answered", async () => {
  const { box, add, asked, states } = room();
  box.start();
  add("w1");
  let told = 0;
  // A thread tells what it shows whenever the list has changed.
  box.subscribe(() => {
    if (++told > 10) throw new Error("the list changes again and again");
    box.shown(["w1"]);
  });
  box.shown(["w1"]);
  expect(told).toBe(0);
  expect(states()).toEqual(["w1 busy"]);
  await last(asked).answer({ kind: "sent", message: "m1" });
  expect(states()).toEqual([]);
});

test("what somebody wrote there by hand is ignored", () => {
  for (const bad of ["{", "3", "[1]", "[{\"id\":\"x\"}]"]) {
    const keep = new FakeKeep();
    keep.kept.set("bida.outbox.a", bad);
    expect(room(keep).states()).toEqual([]);
  }
});
