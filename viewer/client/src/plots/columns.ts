/** The columns that a plot groups cells by, and the colours of their categories. */
import { sleep } from '../api/sleep';
import type { Selection } from '../api/types';
import { chipColor } from '../color/chips';
import { categoryLut } from '../color/lut';
import type { CategoryData } from '../state/fields/field';
import { groupingKey } from '../state/fields/groupings.svelte';
import { preferences } from '../state/page/preferences.svelte';
import { isOfAnnotation } from '../state/view/fieldRef';
import type { Page } from './page';

/** The categories of a column; null until it is loaded. */
export function categoriesOf({ viewer }: Page, name: string | null): CategoryData | null {
  const field = name === null ? undefined : viewer.fields.get(groupingKey(name));
  return field?.kind === 'category' ? field : null;
}

/** The obstacle of a plot of categories in a dataset that has none. */
export function noCategories({ plots }: Page): string | null {
  return plots.groupBy === null ? 'This dataset has no categories to plot.' : null;
}

/** The obstacle of a plot of the categories that are shown. */
export function noneShown(page: Page): string | null {
  const { groupBy, arrangement } = page.plots;
  const names = arrangement.hidden.size > 0 ? (categoriesOf(page, groupBy)?.categories ?? []) : [];
  const allHidden = names.length > 0 && names.every((name) => arrangement.hidden.has(name));
  return allHidden ? 'All categories are hidden. Choose some at “Categories” above.' : noCategories(page);
}

/** Colours of a column's categories as the plot of cells has them, "missing" last. */
export function colorsOf(field: CategoryData): string[] {
  const colors = preferences.colorsOf(field.colors);
  const lut = categoryLut({ colors, size: field.categories.length, theme: preferences.theme });
  return [...field.categories.keys(), -1].map((code) => chipColor(lut, code));
}

/** The same by the names of the categories. */
export function colorMap(field: CategoryData | null): ReadonlyMap<string, string> {
  if (!field) return new Map();
  const colors = colorsOf(field);
  return new Map(field.categories.map((name, code) => [name, colors[code] ?? '']));
}

/** The genes to draw and the matrix of their values; null where there are none. */
export function genesOf({ viewer, plots }: Page): { genes: readonly string[]; matrix: string } | null {
  const { matrix } = viewer.view;
  return matrix === null || plots.genes.length === 0 ? null : { genes: plots.genes, matrix };
}

/** Milliseconds that a selection must rest before it is asked about: it may still be changing. */
const REST = 150;

/**
 * Return a function that waits until a question to the server about groups of cells can be asked, and returns the cells it
 * is about. Called in an effect: a change of the selection, or of an annotation among the groupings, calls it again.
 */
export function question(
  { viewer }: Page,
  groupings: readonly (string | null)[],
): (signal: AbortSignal) => Promise<Selection | null> {
  const { within } = viewer.selection;
  const own = groupings.some((id) => id !== null && isOfAnnotation(id));
  for (const id of groupings) if (id !== null && isOfAnnotation(id)) viewer.fields.get(groupingKey(id));
  return async (signal) => {
    if (within !== null) await sleep(REST, signal);
    if (own) await viewer.groupings.saved();
    return within;
  };
}

/** The values of a gene in every cell. */
export async function valuesOf(
  { viewer }: Page,
  gene: string,
  matrix: string,
  signal: AbortSignal,
): Promise<ArrayLike<number>> {
  const column = await viewer.api.expression(gene, matrix, signal);
  return column.layout === 'string' ? [] : column.dense();
}
