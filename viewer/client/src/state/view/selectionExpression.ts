/**
 * Selections as expressions, which are resolved again when a link is opened: a polygon or filters are shorter than a list
 * of cells.
 */
import type { FieldFilter, NamedFilter } from './fieldFilter';
import type { Axes, FieldRef } from './fieldRef';
import type { Rotation } from './rotation3d';

export type Joining = 'add' | 'subtract' | 'intersect';

export type SelectionExpression =
  /** Corners [x0, y0, x1, y1, ...] in the units of the embedding, or of the axes' plot. */
  | { readonly polygon: readonly number[]; readonly embedding: string; readonly rotation?: Rotation }
  | { readonly polygon: readonly number[]; readonly axes: Axes }
  /** The cells that pass all filters. */
  | { readonly filters: readonly NamedFilter[] }
  | { readonly join: Joining; readonly of: readonly [SelectionExpression, SelectionExpression] }
  | { readonly not: SelectionExpression }
  /** A list, see `packCells`. */
  | { readonly cells: string };

/** The limit of the depth of an expression. */
export const MAX_DEPTH = 64;

/** Return the depth of an expression; Infinity beyond the limit. */
export function depthOf(expression: SelectionExpression, above = 0): number {
  if (above >= MAX_DEPTH) return Number.POSITIVE_INFINITY;
  if ('not' in expression) return depthOf(expression.not, above + 1);
  if ('join' in expression) return Math.max(...expression.of.map((part) => depthOf(part, above + 1)));
  return above + 1;
}

/** Return the expression of filters and a drawn shape; null if the field of a filter or the expression of the shape is unknown. */
export function expressionOf(
  filters: Readonly<Record<string, FieldFilter>>,
  drawn: { readonly expression?: SelectionExpression | null } | null,
  refOf: (key: string) => FieldRef | null,
): SelectionExpression | null {
  const named: NamedFilter[] = [];
  for (const [key, filter] of Object.entries(filters)) {
    const field = refOf(key);
    if (!field) return null;
    named.push({ field, ...filter });
  }
  if (!drawn) return { filters: named };
  const within = drawn.expression ?? null;
  return within && named.length ? { join: 'intersect', of: [{ filters: named }, within] } : within;
}
