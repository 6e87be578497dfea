import { same, type Spec } from "../agents/edit";

/** One place that two documents say differently; a missing side is undefined. Lists are compared as wholes, objects member by member. */
export interface Difference {
  /** JSON pointer below spec, such as "/match/keywords". */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
const plain = (name: string): string => name.replaceAll("~1", "/").replaceAll("~0", "~");

/** differences lists what leads from one document to another, in the order of the pointers. */
export function differences(before: unknown, after: unknown, path = ""): readonly Difference[] {
  if (same(before, after)) return [];
  const sides = [before ?? {}, after ?? {}];
  if (!sides.every(isObject)) return [{ path, before, after }];
  const [left, right] = sides as [Record<string, unknown>, Record<string, unknown>];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return names.flatMap((name) => differences(left[name], right[name], `${path}/${escaped(name)}`));
}

/** put is the document with another value at a pointer. What is empty (undefined, "", false, an empty list or object) is left out, as the server writes it. */
export function put(spec: Spec, path: string, value: unknown): Spec {
  const [first = "", ...rest] = path.split("/").slice(1).map(plain);
  const inner = spec[first];
  const next = rest.length === 0 ? value : put(isObject(inner) ? inner : {}, `/${rest.map(escaped).join("/")}`, value);
  if (!isEmpty(next)) return { ...spec, [first]: next };
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name !== first));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);
}

/** reapply makes the changes that led from base to mine on what somebody else saved meanwhile. */
export function reapply(base: Spec, mine: Spec, theirs: Spec): Spec {
  return differences(base, mine).reduce((spec, d) => set(spec, d.path, d.after), theirs);
}

/** set is put that keeps what was chosen to be false or empty. */
function set(spec: Spec, path: string, value: unknown): Spec {
  if (value !== false) return put(spec, path, value);
  const [first = "", ...rest] = path.split("/").slice(1).map(plain);
  const inner = spec[first];
  return { ...spec, [first]: rest.length === 0 ? value : set(isObject(inner) ? inner : {}, `/${rest.map(escaped).join("/")}`, value) };
}

/** clashes lists what both sides changed, and not to the same: applied again, mine would replace theirs. */
export function clashes(base: Spec, mine: Spec, theirs: Spec): readonly Difference[] {
  const theirPaths = differences(base, theirs).map((d) => d.path);
  const touches = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  const myPaths = differences(base, mine).map((d) => d.path);
  return differences(theirs, mine).filter((d) => theirPaths.some((p) => touches(p, d.path)) && myPaths.some((p) => touches(p, d.path)));
}
