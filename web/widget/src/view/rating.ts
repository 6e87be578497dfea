// The question at the end of a conversation: one to five, in words, and a comment for who wants to say more.

import type { Chat } from "../chat";
import { h, icon } from "../dom";
import type { Words } from "../words";

const longestComment = 500;

/** grown is called when the question takes more room, done when the answer is kept. */
export function rating(chat: Chat, words: Words, grown: () => void, done: () => void): HTMLElement {
  let score = 0;
  const word = h("div", { class: "word", "aria-hidden": "true" });
  const comment = h("textarea", { "aria-label": words.rateMore, placeholder: words.rateMore, maxlength: longestComment, rows: 2, dir: "auto" });
  const trouble = h("div", { class: "trouble", role: "alert", hidden: true });
  const button = h("button", { type: "button", class: "primary" }, words.rateSend);
  const more = h("div", { hidden: true }, comment, trouble, button);

  const labels = words.rateWords.map((name, i) => {
    const input = h("input", { type: "radio", name: "score", value: i + 1, "aria-label": words.rateScore(i + 1, name) });
    input.addEventListener("change", () => {
      score = i + 1;
      more.hidden = false;
      light(score);
      grown();
    });
    const label = h("label", {}, input, icon("star"));
    label.addEventListener("pointerenter", (e) => {
      if (e.pointerType === "mouse") light(i + 1);
    });
    return label;
  });
  const light = (n: number): void => {
    labels.forEach((label, i) => label.classList.toggle("lit", i < n));
    word.textContent = words.rateWords[n - 1] ?? "";
  };
  const stars = h("div", { class: "stars" }, ...labels);
  stars.addEventListener("pointerleave", () => light(score));

  button.addEventListener("click", () => {
    button.disabled = true;
    trouble.hidden = true;
    chat.rate(score, comment.value.trim()).then(done, () => {
      button.disabled = false;
      trouble.textContent = words.rateFailed;
      trouble.hidden = false;
    });
  });
  return h("fieldset", { class: "rating" }, h("legend", {}, words.rateAsk), stars, word, more);
}
