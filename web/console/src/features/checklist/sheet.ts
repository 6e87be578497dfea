import { pick, type Language } from "@bida/shared/text";
import type { Schemas } from "@bida/shared/api";
import type { Question, Report } from "./queries";

export type Value = "yes" | "no" | "unknown";
export type Answers = Readonly<Record<string, Value>>;
export type Sheet = Schemas["ChecklistSheet"];

const values: readonly string[] = ["yes", "no", "unknown"];

export function isValue(v: unknown): v is Value {
  return typeof v === "string" && values.includes(v);
}

/** The answers of one sheet outlive a reload of the tab, and no more. */
export class Kept {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem">) {}

  read(key: string): Answers {
    const kept: Record<string, Value> = {};
    try {
      const read: unknown = JSON.parse(this.storage.getItem(this.name(key)) ?? "{}");
      if (typeof read === "object" && read !== null) for (const [id, v] of Object.entries(read)) if (isValue(v)) kept[id] = v;
    } catch {
      // Something else wrote there: the sheet is empty then.
    }
    return kept;
  }

  write(key: string, answers: Answers): void {
    try {
      this.storage.setItem(this.name(key), JSON.stringify(answers));
    } catch {
      // A full or forbidden storage costs the reload, not the sheet.
    }
  }

  private name(key: string): string {
    return `bida.checklist.${key}`;
  }
}

/** Answers with one more; the same answer again takes it back. */
export function answered(answers: Answers, question: string, value: Value): Answers {
  if (answers[question] !== value) return { ...answers, [question]: value };
  return Object.fromEntries(Object.entries(answers).filter(([id]) => id !== question));
}

/** The sheet as the server takes it: only questions that there are. */
export function sheetOf(platform: string, agent: string, inbox: string, kind: string, answers: Answers, known: readonly Question[]): Sheet {
  const of = (name: string, text: string) => (text === "" ? {} : { [name]: text });
  return {
    platform, ...of("agent", agent), ...of("inbox", inbox), ...of("kind", kind),
    answers: Object.fromEntries(known.filter((q) => answers[q.id] !== undefined).map((q) => [q.id, answers[q.id]])) as Sheet["answers"],
  };
}

interface Words {
  readonly answers: string;
  readonly value: Readonly<Record<string, string>>;
  readonly cause: string;
  readonly contradictions: string;
  readonly next: string;
  readonly support: string;
}

/** The report as plain text, to paste into a message or a ticket. */
export function reportText(report: Report, questions: readonly Question[], platform: string, title: (code: string) => string, words: Words, language: Language): string {
  const lines = [pick(report.headline, language), `${platform} · ${report.at}`, ""];
  for (const f of report.findings.filter((x) => x.outcome === "block" && x.consequence_of === null)) {
    lines.push(`✕ ${words.cause}: ${title(f.code)}`);
    for (const a of (f.fix as typeof f.fix | null)?.actions ?? []) lines.push(`  → ${pick(a.text, language)}`);
  }
  const section = (name: string, list: readonly string[]) => {
    if (list.length > 0) lines.push("", `${name}:`, ...list.map((x) => `- ${x}`));
  };
  section(words.contradictions, report.contradictions.map((c) => pick(c.text, language)));
  if (report.next !== "") lines.push("", `${words.next}: ${report.next}`);
  section(words.support, report.ask_support.map((a) => pick(a.text, language)));
  lines.push("", `${words.answers}:`);
  const of = new Map(report.answers.map((a) => [a.question, a]));
  questions.forEach((q, i) => lines.push(`${i + 1}. ${pick(q.ask, language)} ${words.value[of.get(q.id)?.value ?? ""] ?? ""}`));
  return lines.join("\n");
}
