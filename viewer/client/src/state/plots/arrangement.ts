/** The order of things in a plot and which of them are hidden, as the user has arranged them. */

export interface Arrangement {
  /** All names in the order of the user. */
  readonly order: readonly string[];
  readonly hidden: ReadonlySet<string>;
}

export const AS_GIVEN: Arrangement = { order: [], hidden: new Set() };

/** Return names in the order of the user; those without a place in it follow as given. */
export function inOrder(names: readonly string[], { order }: Arrangement): string[] {
  const all = new Set(names);
  const placed = order.filter((name) => all.has(name));
  const known = new Set(placed);
  return [...placed, ...names.filter((name) => !known.has(name))];
}

/** Return the positions of the names that are shown, in the order of the user. */
export function shownPlaces(names: readonly string[], arrangement: Arrangement): number[] {
  const at = new Map(names.map((name, k) => [name, k]));
  return inOrder(names, arrangement).flatMap((name) => (arrangement.hidden.has(name) ? [] : (at.get(name) ?? [])));
}

/** Return a list with one item at another place. */
export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const rest = [...items];
  const [item] = rest.splice(from, 1);
  if (item !== undefined) rest.splice(Math.max(0, to), 0, item);
  return rest;
}

/** Names that belong together: the genes of a category of which they are markers. */
export interface NameGroup {
  readonly name: string;
  readonly names: readonly string[];
}

export interface Run {
  readonly name: string;
  /** Positions: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** Return the runs of neighbours that belong to one group; a name of several groups is of the first of them. */
export function runsOf(names: readonly string[], groups: readonly NameGroup[]): Run[] {
  const groupOf = (name: string) => groups.find((group) => group.names.includes(name))?.name ?? null;
  const runs: { name: string; from: number; to: number }[] = [];
  names.forEach((name, k) => {
    const group = groupOf(name);
    const last = runs.at(-1);
    if (group === null) return;
    if (last && last.name === group && last.to === k) last.to = k + 1;
    else runs.push({ name: group, from: k, to: k + 1 });
  });
  return runs;
}
