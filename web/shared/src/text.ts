/** The languages of the interface. Chinese is the source; English has the same keys, or it does not compile. */
export type Language = "zh" | "en";

/** Words that a feature shows: plain sentences, lists of them, or functions that make one of what they are given. */
export type Words = { readonly [key: string]: string | readonly string[] | ((...args: never[]) => string) | Words };

type Same<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends readonly string[] ? readonly string[] : T[K] extends (...args: infer A) => string ? (...args: A) => string : Same<T[K]>;
};

/** The words of a feature in both languages. */
export interface Texts<T extends Words> {
  readonly zh: T;
  readonly en: Same<T>;
}

/** texts puts the words of a feature together; a key that one language lacks is a type error. */
export function texts<const T extends Words>(zh: T, en: Same<T>): Texts<T> {
  return { zh, en };
}

/** wordsIn chooses a language. */
export function wordsIn<T extends Words>(all: Texts<T>, language: Language): Same<T> {
  return language === "zh" ? (all.zh as unknown as Same<T>) : all.en;
}

/** A sentence that the server gives in both languages. */
export function pick(text: { readonly zh: string; readonly en: string }, language: Language): string {
  return language === "zh" ? text.zh : text.en;
}
