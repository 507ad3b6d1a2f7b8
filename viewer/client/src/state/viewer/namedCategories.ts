/** The categories whose names are on a plot: those of its colours, or of the column that the user has chosen. */
import type { NumberArray } from '../../wire/columns';
import { keyOf } from '../view/fieldRef';
import type { Pane } from './pane.svelte';
import type { Viewer } from './viewer.svelte';

export interface NamedCategories {
  readonly key: string;
  readonly values: NumberArray;
  readonly categories: readonly string[];
}

/** The limit of names, which would cover the cells. */
export const MOST_NAMES = 60;

/** Return the categories; null if there are none, or too many. */
export function namedCategories(viewer: Viewer, { coloring }: Pane): NamedCategories | null {
  const { names } = viewer.view;
  const field = names && viewer.fields.get(keyOf(names));
  const named = field?.kind === 'category' ? field : coloring.kind === 'category' ? coloring : null;
  return named && named.categories.length <= MOST_NAMES ? named : null;
}
