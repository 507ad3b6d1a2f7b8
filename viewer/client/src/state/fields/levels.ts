/**
 * Levels of categories: “CD8 T / Effector” is below “CD8 T”. A level of a column has the first parts of its categories as
 * categories, in the order of their first ones. The server groups by levels in the same way.
 */
import { levelKey } from '../view/fieldRef';
import type { CategoryData } from './field';

export const SEPARATOR = ' / ';
/** The limit of levels of a column. */
const MOST_LEVELS = 9;

/** Return the first parts of a category; the whole category if it has no more. */
export function partsOf(category: string, level: number): string {
  return category.split(SEPARATOR).slice(0, level).join(SEPARATOR);
}

/** Return the number of parts of the category with most of them. */
export function depthOf(categories: readonly string[]): number {
  let depth = 1;
  for (const category of categories) depth = Math.max(depth, category.split(SEPARATOR).length);
  return Math.min(depth, MOST_LEVELS + 1);
}

/** Return the categories of a level. */
export function categoriesAt(categories: readonly string[], level: number): string[] {
  return [...new Set(categories.map((category) => partsOf(category, level)))];
}

/** Return a level of a column; each category has the colour of the first one below it. */
export function levelField(field: CategoryData, level: number): CategoryData {
  const categories = categoriesAt(field.categories, level);
  const places = new Map(categories.map((category, code) => [category, code]));
  const codes = field.categories.map((category) => places.get(partsOf(category, level)) ?? -1);
  const first = categories.map((_, code) => codes.indexOf(code));
  const { colors } = field;
  return {
    ...field,
    key: levelKey(level, field.key),
    title: levelTitle(field.title, level),
    values: Int16Array.from(field.values as ArrayLike<number>, (code) => (code < 0 ? -1 : (codes[code] ?? -1))),
    categories,
    colors: colors && first.map((code) => colors[code] ?? ''),
  };
}

export function levelTitle(title: string, level: number): string {
  return `${title} (level ${level})`;
}

/** Return the categories below each category of the first level, in the order of their first ones. */
export function parents(categories: readonly string[], codes: readonly number[]): { name: string; codes: number[] }[] {
  const found = new Map<string, number[]>();
  for (const code of codes) {
    const name = code < 0 ? '' : partsOf(categories[code] ?? '', 1);
    const below = found.get(name);
    if (below) below.push(code);
    else found.set(name, [code]);
  }
  return [...found].map(([name, below]) => ({ name, codes: below }));
}

/** Return whether levels have the same categories after an edit of labels. */
export function hasSameLevels(before: readonly string[], after: readonly string[]): boolean {
  const depth = depthOf(before);
  if (depth !== depthOf(after)) return false;
  return Array.from({ length: depth - 1 }, (_, k) => k + 1).every((level) => {
    const [one, other] = [categoriesAt(before, level), categoriesAt(after, level)];
    return one.length === other.length && one.every((name, k) => name === other[k]);
  });
}
