import { wordsIn, type Texts, type Words } from "@bida/shared/text";
import type { Language } from "@bida/shared/text";
import { usePreferences } from "./preferences";

/** useWords gives a feature's words in the language of the person. */
export function useWords<T extends Words>(all: Texts<T>): ReturnType<typeof wordsIn<T>> {
  return wordsIn(all, usePreferences().language);
}

export function useLanguage(): Language {
  return usePreferences().language;
}
