import { describe, expect, it } from "vitest";
import { days, hoursOf, minutesOf, overMidnight, piecesOf, placesOf, sameWeek, tidy, weeklyOf, weekOf } from "./weekly";

const early = [
  { days: ["mon", "tue", "wed", "thu", "fri"], from: "07:30", to: "12:00" },
  { days: ["mon", "tue", "wed", "thu", "fri"], from: "13:00", to: "16:30" },
];

describe("the week of a schedule", () => {
  it("is written as it was read", () => {
    expect(weeklyOf(weekOf(early))).toEqual(early);
    const apart = [{ days: ["sat"], from: "10:00", to: "12:00" }, { days: ["mon"], from: "08:00", to: "09:00" }];
    expect(sameWeek(weekOf(weeklyOf(weekOf(apart))), weekOf(apart))).toBe(true);
    expect(weeklyOf(weekOf(undefined))).toEqual([]);
  });

  it("gives a day that differs a line of its own", () => {
    const week = weekOf(early);
    const next = { ...week, fri: [{ from: "07:30", to: "11:00" }, { from: "13:00", to: "16:30" }] };
    expect(weeklyOf(next)).toEqual([
      { days: ["mon", "tue", "wed", "thu"], from: "07:30", to: "12:00" },
      { days: ["mon", "tue", "wed", "thu", "fri"], from: "13:00", to: "16:30" },
      { days: ["fri"], from: "07:30", to: "11:00" },
    ]);
    expect(sameWeek(next, week)).toBe(false);
  });

  it("finds the day of a line that the server refuses", () => {
    const week = { ...weekOf(early), fri: [{ from: "07:30", to: "11:00" }, { from: "13:00", to: "16:30" }] };
    expect(placesOf(week).mon).toEqual([0, 1]);
    expect(placesOf(week).fri).toEqual([2, 1]);
    expect(placesOf(week).sun).toEqual([]);
  });

  it("keeps two equal openings of a day apart, for the server to refuse", () => {
    const week = { ...weekOf([]), mon: [{ from: "09:00", to: "10:00" }, { from: "09:00", to: "10:00" }] };
    expect(weeklyOf(week)).toEqual([{ days: ["mon"], from: "09:00", to: "10:00" }, { days: ["mon"], from: "09:00", to: "10:00" }]);
    expect(placesOf(week).mon).toEqual([0, 1]);
  });

  it("runs over midnight into the next day, and from Sunday into Monday", () => {
    const night = weekOf([{ days: ["fri", "sun"], from: "22:00", to: "06:00" }]);
    expect(overMidnight({ from: "22:00", to: "06:00" })).toBe(true);
    expect(overMidnight({ from: "00:00", to: "24:00" })).toBe(false);
    expect(piecesOf(night, "fri")).toEqual([{ from: 1320, to: 1440, rest: false }]);
    expect(piecesOf(night, "sat")).toEqual([{ from: 0, to: 360, rest: true }]);
    expect(piecesOf(night, "mon")).toEqual([{ from: 0, to: 360, rest: true }]);
    expect(hoursOf(night)).toBe(16);
    expect(piecesOf(weekOf([{ days: ["mon"], from: "20:00", to: "00:00" }]), "tue")).toEqual([]);
  });

  it("counts what is open all day, and nothing that is no time", () => {
    expect(hoursOf(weekOf([{ days: [...days], from: "00:00", to: "24:00" }]))).toBe(168);
    expect(hoursOf({ ...weekOf([]), mon: [{ from: "9", to: "" }] })).toBe(0);
    expect([minutesOf("24:00"), minutesOf("24:30"), minutesOf("9:00")]).toEqual([1440, NaN, NaN]);
  });
});

describe("a time that somebody types", () => {
  it.each([["9", "09:00"], ["930", "09:30"], ["1800", "18:00"], ["9:05", "09:05"], ["9：30", "09:30"], ["18.30", "18:30"], [" 24:00 ", "24:00"], ["soon", "soon"], ["9:3", "9:3"], ["", ""]])("%s is %s", (typed, is) => expect(tidy(typed)).toBe(is));
});
