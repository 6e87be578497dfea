import { expect, test } from "vitest";
import { EventParser } from "./events";

const text = [
  "event: open\ndata: {\"stream\":\"x\"}\n\n",
  ":\n\n",
  "data: 您好😀\r\n\r\n",
  "data:a\ndata: b\nid: 1\nretry: 2\n\n",
  "event: nothing\n\n",
  "data\n\n",
  "data: unfinished\n",
].join("");

const want = ["open|{\"stream\":\"x\"}", "comment", "|您好😀", "|a\nb", "|"];

test("events are read wherever the text was cut", () => {
  for (let at = 0; at <= text.length; at++) {
    const got: string[] = [];
    const parser = new EventParser((e) => got.push(`${e.name}|${e.data}`), () => got.push("comment"));
    parser.push(text.slice(0, at));
    parser.push(text.slice(at));
    expect(got).toEqual(want);
  }
});

test("events are read from single characters", () => {
  const got: string[] = [];
  const parser = new EventParser((e) => got.push(`${e.name}|${e.data}`), () => got.push("comment"));
  for (const character of text) {
    parser.push(character);
  }
  expect(got).toEqual(want);
});
