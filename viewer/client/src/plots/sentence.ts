/** Parts of the sentences that describe plots in figure legends. */
import { groupingName } from '../state/fields/groupings.svelte';
import { listed } from '../state/plots/figureLegend';
import type { Order, Standard } from '../state/plots/plots.svelte';
import type { Page } from './page';
import { ordersBySimilarity } from './parts/order';

/** Genes named before "and n others". */
const NAMED = 12;

/** The genes of a plot and the matrices of their values: by default the chosen one. */
export function genesNamed({ viewer, plots }: Page, matrices: readonly string[] = [viewer.view.matrix ?? '']): string {
  return `${listed(plots.genes, NAMED)} (values of ${matrices.join(' and ')})`;
}

/** The name of the column or annotation that cells are grouped by. */
export function nameOf(grouping: string | null): string {
  return grouping === null ? '' : groupingName(grouping);
}

export const STANDARDISED: Readonly<Record<Standard, string>> = {
  none: '',
  share: ', each gene scaled from its lowest to its highest',
  z: ', each gene in standard deviations from its mean',
};

/** The categories that the user has hidden; empty if there are none. */
export function hiddenGroups({ plots }: Page, given: readonly string[]): string {
  const hidden = given.filter((name) => plots.arrangement.hidden.has(name));
  return hidden.length > 0 ? ` Not shown: ${listed(hidden, NAMED)}.` : '';
}

/** How genes and categories are ordered; nothing where they are as given. */
export function ordering(
  { order, groupOrder }: { readonly order: Order; readonly groupOrder: Order },
  nGenes: number,
  nGroups: number,
): string {
  const ordered = [
    ordersBySimilarity(order, nGenes) ? 'Genes' : '',
    ordersBySimilarity(groupOrder, nGroups) ? 'Categories' : '',
  ].filter(Boolean);
  if (ordered.length === 0) return '';
  return ` ${listed(ordered).replace(' and C', ' and c')} are ordered by hierarchical clustering (average linkage, Euclidean distance).`;
}
