import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { close, looks, Person } from "./browser.mjs";
import { ownWords } from "./people.mjs";
import { Server } from "./server.mjs";

const allow = [/^401 GET \/api\/v1\/me/];
const sections = ["schedules", "calendars", "extensions", "maintenance", "switches", "filters"];
// Of the forms, which are made of the same parts as the lists, four looks: any two of language, scheme and size are seen together.
const crossed = ({ language, scheme, size }) => [language === "en", scheme === "dark", size === "phone"].filter(Boolean).length % 2 === 0;
const long = "一个很长很长的名称".repeat(12);

describe("the reception settings as pages", () => {
  let server, admin, known;
  const write = async (kind, name, spec) => {
    const { revision } = await admin("GET", "/policy");
    await admin("PUT", `/policy/documents/${kind}/${name}`, { spec }, { "If-Match": `"${revision}"` });
  };
  before(async () => {
    server = await Server.start();
    admin = await server.as("admin");
    await write("filter", "advertising", { title: "广告与骚扰", match: { keywords: ["加微信"] }, action: "quarantine", reason: "广告" });
    await write("maintenance", "upgrade", {
      title: "数据库升级", from: "2031-12-01T22:00:00+08:00", until: "2031-12-02T00:00:00+08:00", reason: "更换存储", announcement: { zh: "今晚升级", en: "Upgrade tonight", from: "2031-12-01T18:00:00+08:00", to: { everybody: true } },
    });
    await write("switch", "inbox.store", { state: "limited", per_minute: 5, reason: "门店盘点" });
    await write("schedule", "long", { title: long, zone: "Asia/Shanghai", weekly: [{ days: ["fri", "sun"], from: "22:00", to: "06:00" }], exceptions: [{ date: "2031-01-01", off: true }] });
    const team = (await admin("GET", "/policy/documents/team/after-sales")).spec;
    await write("team", "after-sales", { ...team, extensions: [{ until: "2031-11-26T20:00:00+08:00", reason: "大促" }] });
    known = [...await ownWords(server), "广告", "加微信", "更换存储", "今晚升级", "Upgrade tonight", "门店盘点", "大促", "serve --demo"].sort((a, b) => b.length - a.length);
  });
  after(async () => {
    await close();
    await server.stop();
  });

  for (const look of looks) {
    test(`every part looks right (${look.language}, ${look.scheme}, ${look.size})`, async () => {
      const person = await Person.at(server, { ...look, allow });
      await person.signIn("admin");
      const see = async (path, selector, name) => {
        await person.page.goto(path);
        await person.page.locator(selector).first().waitFor();
        await person.look(name, { known });
      };
      for (const section of sections) await see(`/reception/${section}`, ".rc-row", `reception-${section}`);
      if (crossed(look)) {
        await see("/reception/schedules/long", ".rc-history li", "reception-schedule");
        await see("/reception/calendars/cn-public", ".rc-year", "reception-calendar");
        await see("/reception/extensions/team~after-sales", ".rc-extension", "reception-extension");
        await see("/reception/maintenance/upgrade", ".rc-form", "reception-maintenance-one");
        await see("/reception/switches/inbox.store", ".rc-form", "reception-switch");
        await see("/reception/filters/advertising", ".filters-bench", "reception-filter");
        await see("/reception/filters/nothing-like-this", ".state", "reception-gone");
      }
      person.calm();
      await person.leave();
    });
  }

  test("what has no effect is told, with the way to it", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("admin");
    await person.page.goto("/reception/switches");
    const dead = person.page.locator(".rc-dead");
    await dead.locator("summary").click();
    await dead.getByRole("link", { name: long }).click();
    await person.page.waitForURL("**/reception/schedules/long");
    person.calm();
    await person.leave();
  });

  test("who shortens a schedule is told first whom it bears on; a mistake stands beside its field, and what was typed outlives a reload", async () => {
    const person = await Person.at(server, { allow: [...allow, /^400 POST \/api\/v1\/policy\/preview/] });
    await person.signIn("admin");
    await person.page.goto("/reception/schedules/early");
    const from = person.page.getByLabel("周一第 1 段开始");
    await from.fill("25:00");
    await person.page.locator(".rc-day[data-wrong]").first().getByText(/25:00/).waitFor();
    assert.equal(await person.page.getByRole("button", { name: "保存", exact: true }).isDisabled(), true, "what is refused cannot be saved");
    await from.fill("1030");
    await from.blur();
    assert.equal(await from.inputValue(), "10:30");
    await person.page.getByText("会改变 2 人的接收").waitFor();

    await person.page.reload(); // what was typed stays in the tab
    await person.page.getByText("上次未保存的改动已恢复。").waitFor();
    assert.equal(await person.page.getByLabel("周一第 1 段开始").inputValue(), "10:30");
    await person.page.getByText("会改变 2 人的接收").waitFor();
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    const impact = person.page.getByRole("dialog", { name: "保存之前：会发生什么" });
    await impact.getByText("2 人的接收会改变").waitFor();
    await impact.getByText(/客服丁\(agent-d\)的客服组/).first().waitFor();
    await person.look("reception-impact", { known });
    await impact.getByRole("button", { name: "保存", exact: true }).click();
    await person.page.getByText(/已保存为版本 \d+，已通知/).waitFor();
    const { spec } = await admin("GET", "/policy/documents/schedule/early");
    assert.deepEqual(spec.weekly.find((o) => o.days.includes("mon") && o.from === "10:30"), { days: ["mon"], from: "10:30", to: "12:00" });
    assert.equal(spec.weekly.filter((o) => o.days.includes("tue")).length, 2, "the other days are as they were");
    person.calm();
    await person.leave();
  });

  test("a rule is tried before it is saved, with what is not saved yet; another rule is made", async () => {
    const person = await Person.at(server, { allow: [...allow, /^400 POST \/api\/v1\/policy\/preview/] });
    await person.signIn("admin");
    await person.page.goto("/filters");
    await person.page.waitForURL("**/reception/filters");
    await person.page.getByRole("link", { name: "广告与骚扰" }).click();
    await person.page.getByLabel("关键词", { exact: true }).fill("加微信\n免费领取");
    await person.page.getByRole("region", { name: "试一试这条规则" }).getByLabel("消息内容").fill("点击免费领取礼品");
    await person.page.getByRole("button", { name: "试用" }).click();
    await person.page.locator(".filters-result mark", { hasText: "免费领取" }).waitFor();
    assert.deepEqual((await admin("GET", "/policy/documents/filter/advertising")).spec.match.keywords, ["加微信"], "trying saves nothing");
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    await person.page.getByText(/已保存为版本 \d+/).waitFor();
    assert.deepEqual((await admin("GET", "/policy/documents/filter/advertising")).spec.match.keywords, ["加微信", "免费领取"]);

    await person.page.goto("/reception/filters/~new");
    await person.page.getByLabel("编号").fill("advertising");
    await person.page.getByText("这个编号已经在用了，请换一个。").waitFor();
    await person.page.getByLabel("编号").fill("complaint");
    await person.page.getByLabel("关键词", { exact: true }).fill("投诉");
    await person.page.getByText("加标签", { exact: true }).click();
    await person.page.getByLabel("标签", { exact: true }).fill("投诉");
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    await person.page.waitForURL("**/reception/filters/complaint");
    assert.deepEqual((await admin("GET", "/policy/documents/filter/complaint")).spec, { match: { keywords: ["投诉"] }, action: "tag", tag: "投诉" });
    person.calm();
    await person.leave();
  });

  test("who saves after somebody else sees what changed, and keeps what was typed; an old version can be restored", async () => {
    const person = await Person.at(server, { allow: [...allow, /^412 PUT/] });
    await person.signIn("admin");
    await person.page.goto("/reception/schedules/weekend");
    await person.page.getByLabel("名称").fill("周末班（新）");
    await person.page.getByText("1 处改动未保存").waitFor();
    const before = await admin("GET", "/policy/documents/schedule/weekend");
    await write("schedule", "weekend", { ...before.spec, zone: "Asia/Tokyo" });
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    const impact = person.page.getByRole("dialog", { name: "保存之前：会发生什么" });
    const stale = person.page.getByRole("dialog", { name: "在您编辑期间，它已被修改" });
    await impact.or(stale).waitFor();
    if (await impact.isVisible()) await impact.getByRole("button", { name: /保存$/ }).click();
    await stale.getByText("Asia/Tokyo").waitFor();
    await person.look("reception-stale", { known });
    await stale.getByRole("button", { name: "把我的改动放到新版本上" }).click();
    await stale.waitFor({ state: "hidden" });
    assert.equal(await person.page.getByLabel("名称").inputValue(), "周末班（新）");
    await person.page.getByText("1 处改动未保存").waitFor();
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    await person.page.getByText(/已保存为版本 \d+/).waitFor();
    const { spec } = await admin("GET", "/policy/documents/schedule/weekend");
    assert.deepEqual([spec.title, spec.zone], ["周末班（新）", "Asia/Tokyo"], "both changes are there");
    await person.page.locator(".rc-history li").last().getByRole("button", { name: "恢复到此版本" }).click();
    await person.page.getByText("2 处改动未保存").waitFor();
    assert.equal(await person.page.getByLabel("名称").inputValue(), "周末班");
    person.calm();
    await person.leave();
  });

  test("a switch is paused with a reason, which is said before it is saved", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("admin");
    await person.page.goto("/reception/switches");
    await person.page.getByRole("link", { name: "在线咨询" }).click();
    await person.page.getByText("暂停", { exact: true }).click();
    await person.page.getByLabel("原因").fill("系统联调");
    await person.page.getByRole("button", { name: "保存", exact: true }).click();
    const impact = person.page.getByRole("dialog", { name: "保存之前：会发生什么" });
    await impact.getByText("将无人值守").waitFor();
    await person.look("reception-losses", { known: [...known, "系统联调"] });
    await impact.getByRole("button", { name: "仍然保存" }).click();
    await person.page.getByText(/已保存为版本 \d+/).waitFor();
    assert.deepEqual((await admin("GET", "/policy/documents/switch/inbox.web")).spec, { state: "paused", reason: "系统联调" });
    person.calm();
    await person.leave();
  });

  test("who may only look is told which right is missing and who can give it", async () => {
    const person = await Person.at(server, { allow });
    await person.signIn("auditor");
    await person.page.goto("/reception/schedules/early");
    await person.page.getByText("修改需要权限“修改接待设置”（policy.edit）。").waitFor();
    await person.page.getByText(/可以给您这项权限的人：.*管理员/).waitFor();
    assert.equal(await person.page.getByLabel("名称").isDisabled(), true);
    assert.equal(await person.page.getByRole("button", { name: "保存", exact: true }).count(), 0);
    await person.look("reception-read-only", { known });
    person.calm();
    await person.leave();
  });
});

describe("parts of the console that cannot be fetched", () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(async () => {
    await close();
    await server.stop();
  });

  test("a page whose code does not come says so and can be tried again; a tab older than the server says that it is old", async () => {
    const person = await Person.at(server, { allow: [...allow, /assets\/reception-/, /ERR_FAILED/] });
    await person.signIn("admin");
    await person.page.goto("/coverage");
    await person.page.route("**/assets/reception-*.js", (route) => route.abort());
    await person.page.getByRole("link", { name: "接待设置" }).click();
    await person.page.getByText("这一部分没有取到").waitFor();
    await person.page.unroute("**/assets/reception-*.js");
    await person.page.getByRole("button", { name: "重试" }).click();
    await person.page.locator(".rc-row").first().waitFor();

    await person.page.goto("/coverage");
    await person.page.route("**/assets/trace-*.js", (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" }));
    await person.page.route((url) => url.pathname === "/", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/\/assets\/index-[^"]+\.js/, "/assets/index-newer.js") });
    });
    person.allow.push(/assets\/trace-/, /Failed to load module script/);
    await person.page.getByRole("link", { name: "消息" }).click();
    await person.page.getByRole("heading", { name: "Bida 已更新" }).waitFor();
    await person.look("old-version");
    person.calm();
    await person.leave();
  });
});
