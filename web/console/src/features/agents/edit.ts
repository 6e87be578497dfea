/**
 * Edits of an account's document, as the controls of the permission editor make them. A document is kept as it was read: fields that this page knows
 * nothing of stay as they are, and what is empty is left out, as the server writes it.
 */
export type Spec = Readonly<Record<string, unknown>>;

export interface Grant {
  readonly permission: string;
  readonly until?: string;
}

export type Choice = "inherit" | "allow" | "deny";

export interface Override {
  readonly choice: Choice;
  /** When it ends by itself. */
  readonly until?: string;
}

function isGrant(value: unknown): value is Grant {
  return typeof value === "object" && value !== null && "permission" in value && typeof value.permission === "string";
}

function grants(spec: Spec, field: "allow" | "deny"): readonly Grant[] {
  const list = spec[field];
  return Array.isArray(list) ? list.filter(isGrant) : [];
}

export function rolesOf(spec: Spec): readonly string[] {
  const list = spec["roles"];
  return Array.isArray(list) ? list.filter((r) => typeof r === "string") : [];
}

/** withList is the document with another list; an empty one is left out. */
function withList(spec: Spec, field: string, list: readonly unknown[]): Spec {
  if (list.length > 0) return { ...spec, [field]: list };
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name !== field));
}

function overrideOf(choice: Choice, grant: Grant): Override {
  return grant.until === undefined ? { choice } : { choice, until: grant.until };
}

/** chosen is what the document says of a permission itself. Where it says both, deny is what counts. */
export function chosen(spec: Spec, permission: string): Override {
  for (const choice of ["deny", "allow"] as const) {
    const found = grants(spec, choice).find((g) => g.permission === permission);
    if (found) return overrideOf(choice, found);
  }
  return { choice: "inherit" };
}

/** choose is the document with another allow or deny of one permission, or none. An entry that is there keeps its place. */
export function choose(spec: Spec, permission: string, wanted: Override): Spec {
  let next = spec;
  for (const field of ["allow", "deny"] as const) {
    const list = grants(spec, field);
    const at = list.findIndex((g) => g.permission === permission);
    if (wanted.choice !== field) {
      if (at >= 0) next = withList(next, field, list.toSpliced(at, 1));
      continue;
    }
    const grant: Grant = wanted.until === undefined ? { permission } : { permission, until: wanted.until };
    next = withList(next, field, at < 0 ? [...list, grant] : list.with(at, grant));
  }
  return next;
}

/** chooseRoles is the document with other roles: those that stay keep their order, new ones follow. */
export function chooseRoles(spec: Spec, roles: readonly string[]): Spec {
  const held = rolesOf(spec).filter((r) => roles.includes(r));
  return withList(spec, "roles", [...held, ...roles.filter((r) => !held.includes(r))]);
}

function sameInstant(a: unknown, b: unknown): boolean {
  return typeof a === "string" && typeof b === "string" && /^\d{4}-\d\d-\d\dT/.test(a) && /^\d{4}-\d\d-\d\dT/.test(b) && Date.parse(a) === Date.parse(b);
}

/** same compares two values as JSON does: the order of members does not count, and one instant may be written in two ways. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b || sameInstant(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => same(x, b[i]));
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) || Array.isArray(b)) return false;
  const left = new Map(Object.entries(a));
  const right = new Map(Object.entries(b));
  return left.size === right.size && [...left].every(([name, value]) => right.has(name) && same(value, right.get(name)));
}

/** One thing that two documents say differently. */
export type Difference =
  | { readonly about: "permission"; readonly permission: string; readonly before: Override; readonly after: Override }
  | { readonly about: "role"; readonly role: string; readonly held: boolean }
  | { readonly about: "field"; readonly field: string };

/** differences lists what leads from one document to another, in the order in which people look for it. */
export function differences(before: Spec, after: Spec): readonly Difference[] {
  const list: Difference[] = [];
  const had = rolesOf(before);
  const has = rolesOf(after);
  for (const role of has) if (!had.includes(role)) list.push({ about: "role", role, held: true });
  for (const role of had) if (!has.includes(role)) list.push({ about: "role", role, held: false });
  const touched = new Set([before, after].flatMap((s) => [...grants(s, "deny"), ...grants(s, "allow")].map((g) => g.permission)));
  for (const permission of [...touched].sort()) {
    const was = chosen(before, permission);
    const is = chosen(after, permission);
    if (!same(was, is)) list.push({ about: "permission", permission, before: was, after: is });
  }
  const known = ["roles", "allow", "deny"];
  const fields = new Set([...Object.keys(before), ...Object.keys(after)].filter((f) => !known.includes(f)));
  for (const field of [...fields].sort()) if (!same(before[field], after[field])) list.push({ about: "field", field });
  return list;
}

/** reapply makes the changes that led from base to mine on a document that somebody else changed meanwhile. */
export function reapply(base: Spec, mine: Spec, theirs: Spec): Spec {
  let next = theirs;
  for (const d of differences(base, mine)) {
    switch (d.about) {
      case "permission":
        next = choose(next, d.permission, d.after);
        break;
      case "role":
        next = chooseRoles(next, d.held ? [...rolesOf(next), d.role] : rolesOf(next).filter((r) => r !== d.role));
        break;
      case "field":
        next = d.field in mine ? { ...next, [d.field]: mine[d.field] } : withList(next, d.field, []);
    }
  }
  return next;
}

/** clashes lists what both sides changed, and not to the same. */
export function clashes(base: Spec, mine: Spec, theirs: Spec): readonly Difference[] {
  const key = (d: Difference): string => `${d.about} ${d.about === "permission" ? d.permission : d.about === "role" ? d.role : d.field}`;
  const others = new Set(differences(base, theirs).map(key));
  return differences(theirs, mine).filter((d) => others.has(key(d)) && differences(base, mine).some((m) => key(m) === key(d)));
}
