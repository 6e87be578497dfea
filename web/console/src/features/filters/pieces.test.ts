import { describe, expect, it } from "vitest";
import { piecesOf } from "./pieces";

const hit = (start: number, end: number) => ({ how: "keyword" as const, term: "x", start, end });

describe("piecesOf", () => {
  it("cuts a text where rules matched", () => {
    expect(piecesOf("请加微信吧", [hit(1, 4)])).toEqual([{ text: "请", hit: false }, { text: "加微信", hit: true }, { text: "吧", hit: false }]);
  });
  it("joins what overlaps and counts a surrogate pair as one character", () => {
    expect(piecesOf("😀abc", [hit(1, 3), hit(2, 4)])).toEqual([{ text: "😀", hit: false }, { text: "abc", hit: true }]);
  });
  it("leaves a text whole where a rule matched something else", () => {
    expect(piecesOf("abc", [{ how: "sender", term: "u1", start: 0, end: 0 }])).toEqual([{ text: "abc", hit: false }]);
    expect(piecesOf("", [])).toEqual([]);
  });
  it("bears places beyond the text", () => {
    expect(piecesOf("ab", [hit(1, 9)])).toEqual([{ text: "a", hit: false }, { text: "b", hit: true }]);
  });
});
