/** Filters of a field, by categories or by a range. */
import type { FieldRef } from './fieldRef';

/** Passes the listed categories, or all but those. Code -1 is "missing". */
export interface CategoryFilter {
  readonly kind: 'category';
  readonly mode: 'only' | 'except';
  readonly codes: readonly number[];
}

export interface RangeFilter {
  readonly kind: 'range';
  readonly min: number;
  readonly max: number;
}

export type FieldFilter = CategoryFilter | RangeFilter;

export const MISSING = -1;

/** Return whether a category passes the filter of its column. */
export function isShown(filter: FieldFilter | undefined, code: number): boolean {
  if (filter?.kind !== 'category') return true;
  return filter.codes.includes(code) === (filter.mode === 'only');
}

/** Return the codes of `size` categories that pass, and whether missing values do. */
export function shownCodes(filter: CategoryFilter, size: number): { allowed: number[]; missing: boolean } {
  const listed = new Set(filter.codes);
  const only = filter.mode === 'only';
  const allowed: number[] = [];
  for (let code = 0; code < size; code++) if (listed.has(code) === only) allowed.push(code);
  return { allowed, missing: listed.has(MISSING) === only };
}

/** Show or hide a category. Returns null if no category is hidden. */
export function toggled(
  filter: FieldFilter | undefined,
  code: number,
  codes: readonly number[],
): CategoryFilter | null {
  const now: CategoryFilter = filter?.kind === 'category' ? filter : { kind: 'category', mode: 'except', codes: [] };
  const listed = now.codes.includes(code) ? now.codes.filter((other) => other !== code) : [...now.codes, code];
  return settled({ ...now, codes: listed }, codes);
}

/** Show or hide several categories together: they are shown unless all of them are. */
export function toggledTogether(
  filter: FieldFilter | undefined,
  together: readonly number[],
  codes: readonly number[],
): CategoryFilter | null {
  const show = !together.every((code) => isShown(filter, code));
  const shown = codes.filter((code) => (together.includes(code) ? show : isShown(filter, code)));
  return settled({ kind: 'category', mode: 'only', codes: shown }, codes);
}

/** Show some categories only, or all if they were the only ones. */
export function soloedTogether(
  filter: FieldFilter | undefined,
  together: readonly number[],
  codes: readonly number[],
): CategoryFilter | null {
  const alone = codes.every((other) => isShown(filter, other) === together.includes(other));
  return alone ? null : settled({ kind: 'category', mode: 'only', codes: together }, codes);
}

/** Show one category only, or all if it was the only one. */
export function soloed(filter: FieldFilter | undefined, code: number, codes: readonly number[]): CategoryFilter | null {
  return soloedTogether(filter, [code], codes);
}

function settled(filter: CategoryFilter, codes: readonly number[]): CategoryFilter | null {
  return codes.every((code) => isShown(filter, code)) ? null : filter;
}

/** Return the state of the checkbox of a column. */
export function columnCheck(filter: FieldFilter | undefined, codes: readonly number[]): 'all' | 'some' | 'none' {
  if (filter?.kind !== 'category') return 'all';
  const shown = codes.filter((code) => isShown(filter, code)).length;
  if (shown === 0) return 'none';
  return shown === codes.length ? 'all' : 'some';
}

/** A filter with its field. */
export type NamedFilter = { readonly field: FieldRef } & FieldFilter;
