/**
 * How a list of cells was made, so that it can be made again elsewhere: a link says "within this polygon" rather than
 * name fifty thousand cells.
 */
import type { NamedFilter } from './fieldfilter';
import type { Axes } from './ref';
import type { Turn } from './turn';

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
