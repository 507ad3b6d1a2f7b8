/**
 * How a list of cells was made, so that it can be made again elsewhere: a link says "within this polygon" rather than
 * name fifty thousand cells.
 */
import type { FieldFilter, NamedFilter } from './fieldFilter';
import type { Axes, FieldRef } from './fieldRef';
import type { Turn } from './rotation3d';

export type Joining = 'add' | 'subtract' | 'intersect';

export type Recipe =
  /** Corners [x0, y0, x1, y1, ...] in the units of the embedding, or of the axes' plot. */
  | { readonly polygon: readonly number[]; readonly embedding: string; readonly turn?: Turn }
  | { readonly polygon: readonly number[]; readonly axes: Axes }
  /** What passes all of these. */
  | { readonly filters: readonly NamedFilter[] }
  | { readonly join: Joining; readonly of: readonly [Recipe, Recipe] }
  | { readonly not: Recipe }
  /** A list, see `packCells`. */
  | { readonly cells: string };

/** A recipe of so many steps is a person's; beyond, somebody plays tricks. */
export const DEEPEST = 64;

/** How deep a recipe is; Infinity from DEEPEST on. */
export function depthOf(recipe: Recipe, above = 0): number {
  if (above >= DEEPEST) return Number.POSITIVE_INFINITY;
  if ('not' in recipe) return depthOf(recipe.not, above + 1);
  if ('join' in recipe) return Math.max(...recipe.of.map((part) => depthOf(part, above + 1)));
  return above + 1;
}

/** How to find what passes filters and was drawn; null where a filter's field is unknown, or the cells drawn have no recipe. */
export function recipeOf(
  filters: Readonly<Record<string, FieldFilter>>,
  drawn: { readonly recipe?: Recipe | null } | null,
  refOf: (key: string) => FieldRef | null,
): Recipe | null {
  const named: NamedFilter[] = [];
  for (const [key, filter] of Object.entries(filters)) {
    const field = refOf(key);
    if (!field) return null;
    named.push({ field, ...filter });
  }
  if (!drawn) return { filters: named };
  const within = drawn.recipe ?? null;
  return within && named.length ? { join: 'intersect', of: [{ filters: named }, within] } : within;
}
