/** The order of the rows and columns of a plot. */
import type { Order } from '../../state/plots/plots.svelte';
import { count } from '../../ui/format';
import { type Clustering, clustering, MOST_ROWS } from './clustering';

/** Whether so many rows are clustered. */
export function ordersBySimilarity(order: Order, n: number): boolean {
  return order === 'cluster' && n <= MOST_ROWS;
}

/** Why rows are as given although an order by similarity was chosen; null where they are not. */
export function orderWarning(order: Order, n: number, rows: 'genes' | 'categories'): string | null {
  if (order !== 'cluster' || n <= MOST_ROWS) return null;
  return `The ${count(n)} ${rows} are not ordered by similarity: the limit is ${MOST_ROWS}.`;
}

/** Positions in an order, and the tree behind it. Too many rows to cluster stay as given. */
export function ordered(
  names: readonly string[],
  rows: readonly (readonly number[])[],
  order: Order,
): { readonly places: readonly number[]; readonly tree: Clustering | null } {
  if (ordersBySimilarity(order, rows.length)) {
    const tree = clustering(rows);
    return { places: tree.order, tree };
  }
  const places = [...names.keys()];
  if (order === 'name') {
    places.sort((a, b) => (names[a] ?? '').localeCompare(names[b] ?? '', undefined, { numeric: true }));
  }
  return { places, tree: null };
}
