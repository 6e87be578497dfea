import { ApiError } from "@bida/shared/api";

/** One thing that the server refuses. */
interface Fault {
  readonly field: string;
  readonly document?: string;
  readonly message: string;
}

/** Faults are what is wrong with an edit, by the place where it is. */
export class Faults {
  static readonly none = new Faults([], "");
  private readonly list: readonly Fault[];

  /** @param document is the one that is edited, as kind/name: faults of others are nobody's field here */
  constructor(list: readonly Fault[], private readonly document: string) {
    this.list = list;
  }

  static of(error: unknown, kind: string, name: string): Faults {
    if (!(error instanceof ApiError) || error.status !== 400 && error.status !== 409) return Faults.none;
    const list = error.errors.length > 0 ? error.errors : [{ field: error.field ?? "", message: error.message }];
    return new Faults(list, `${kind}/${name}`);
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  get count(): number {
    return this.list.length;
  }

  /** at are the sentences about a place in the spec ("/weekly/0") and, unless told otherwise, what lies in it. */
  at(path: string, inside = true): readonly string[] {
    const whole = `/spec${path}`;
    const here = this.mine().filter((f) => f.field === whole || (inside && f.field.startsWith(`${whole}/`)));
    return [...new Set(here.map((f) => f.message))];
  }

  /** summary is everything that is wrong, each sentence once; what belongs to another document says to which. */
  summary(): readonly string[] {
    return [...new Set(this.list.map((f) => (this.isMine(f) ? f.message : `${f.document ?? ""}: ${f.message}`)))];
  }

  private mine(): readonly Fault[] {
    return this.list.filter((f) => this.isMine(f));
  }

  private isMine(f: Fault): boolean {
    return f.document === undefined || f.document === "" || f.document === this.document;
  }
}
