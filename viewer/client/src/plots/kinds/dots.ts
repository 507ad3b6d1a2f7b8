/** What a dot plot or a matrix plot draws, from a summary. */
import type { Summary } from '../../api/types';
import type { Order, Standard } from '../../state/plots/plots.svelte';
import { type Clustering, clustering } from '../parts/cluster';

export interface Dots {
  /** Names in the order drawn. */
  readonly groups: readonly { readonly name: string; readonly n: number }[];
  readonly genes: readonly string[];
  /** By gene, then group: what colours a dot, the mean behind it and the fraction that sizes it. */
  readonly cells: readonly (readonly {
    readonly shade: number;
    readonly mean: number | null;
    readonly fraction: number;
  }[])[];
  readonly low: number;
  readonly high: number;
  /** The trees behind the orders; null where an order is another. */
  readonly groupTree: Clustering | null;
  readonly geneTree: Clustering | null;
}

/** Values of a gene from 0 (its lowest) to 1 (its highest). */
export function fromLowToHigh(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values.map((value) => (span > 0 ? (value - low) / span : 0));
}

/** Values in standard deviations from their mean. */
export function zScores(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length || 1));
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

export function standardised(values: readonly number[], standard: Standard): readonly number[] {
  if (standard === 'share') return fromLowToHigh(values);
  return standard === 'z' ? zScores(values) : values;
}

/** The ends of a colour scale: from 0, or as far to either side where values stand for deviations. */
export function domainOf(values: readonly number[], standard: Standard): readonly [number, number] {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const reach = Math.max(-low, high);
  return standard === 'z' ? [-reach, reach] : [low, high];
}

export function dots(summary: Summary, standard: Standard, order: Order, groupOrder: Order): Dots {
  const present = [...summary.n.keys()].filter((k) => (summary.n[k] ?? 0) > 0);
  const shades = summary.genes.map((gene) =>
    standardised(
      present.map((k) => gene.mean[k] ?? 0),
      standard,
    ),
  );
  const rows = present.map((_, row) => shades.map((values) => values[row] ?? 0));
  const groups = ordered(
    present.map((k) => summary.groups[k] ?? ''),
    rows,
    groupOrder,
  );
  const genes = ordered(
    summary.genes.map(({ gene }) => gene),
    shades.map(fromLowToHigh),
    order,
  );
  const [low, high] = domainOf(shades.flat(), standard);
  return {
    groups: groups.places.map((row) => {
      const k = present[row] ?? 0;
      return { name: summary.groups[k] ?? '', n: summary.n[k] ?? 0 };
    }),
    genes: genes.places.map((g) => summary.genes[g]?.gene ?? ''),
    cells: genes.places.map((g) =>
      groups.places.map((row) => {
        const k = present[row] ?? 0;
        const gene = summary.genes[g];
        return { shade: shades[g]?.[row] ?? 0, mean: gene?.mean[k] ?? null, fraction: gene?.fraction[k] ?? 0 };
      }),
    ),
    low,
    high,
    groupTree: groups.tree,
    geneTree: genes.tree,
  };
}

/** Places in an order, and the tree it follows. */
export function ordered(
  names: readonly string[],
  rows: readonly (readonly number[])[],
  order: Order,
): { readonly places: readonly number[]; readonly tree: Clustering | null } {
  if (order === 'cluster') {
    const tree = clustering(rows);
    return { places: tree.order, tree };
  }
  const places = [...names.keys()];
  if (order === 'name') {
    places.sort((a, b) => (names[a] ?? '').localeCompare(names[b] ?? '', undefined, { numeric: true }));
  }
  return { places, tree: null };
}
