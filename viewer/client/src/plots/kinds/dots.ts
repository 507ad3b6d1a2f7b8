/** What a dot plot or a matrix plot draws, from a summary. */
import type { Summary } from '../../api/types';
import { type Arrangement, shownPlaces } from '../../state/plots/arrangement';
import type { Order, Standard } from '../../state/plots/plots.svelte';
import type { Clustering } from '../parts/clustering';
import { ordered } from '../parts/order';
import { domainOf, filled, fromLowToHigh, standardised } from '../parts/standard';

export interface Dots {
  /** Names in the order drawn. */
  readonly groups: readonly { readonly name: string; readonly n: number }[];
  readonly genes: readonly string[];
  /** By gene, then group: what colours a dot (null if its mean is undefined), the mean, and the fraction that sizes it. */
  readonly cells: readonly (readonly {
    readonly shade: number | null;
    readonly mean: number | null;
    readonly fraction: number;
  }[])[];
  readonly low: number;
  readonly high: number;
  /** The trees behind the orders; null where an order is another. */
  readonly groupTree: Clustering | null;
  readonly geneTree: Clustering | null;
}

/** Positions of the categories that have cells. */
export function nonEmpty({ n }: Summary): number[] {
  return [...n.keys()].filter((k) => (n[k] ?? 0) > 0);
}

/** Return a summary of the categories that are shown, in the order of the user. */
export function arrangedSummary(summary: Summary, arrangement: Arrangement): Summary {
  const places = shownPlaces(summary.groups, arrangement);
  const of = <T>(values: readonly T[]) => places.map((k) => values[k] as T);
  return {
    ...summary,
    groups: of(summary.groups),
    n: of(summary.n),
    genes: summary.genes.map((gene) => ({ ...gene, mean: of(gene.mean), fraction: of(gene.fraction) })),
  };
}

export function dots(summary: Summary, standard: Standard, order: Order, groupOrder: Order): Dots {
  const present = nonEmpty(summary);
  const shades = summary.genes.map((gene) =>
    standardised(
      present.map((k) => gene.mean[k] ?? Number.NaN),
      standard,
    ),
  );
  const known = shades.map(filled);
  const rows = present.map((_, row) => known.map((values) => values[row] ?? 0));
  const groups = ordered(
    present.map((k) => summary.groups[k] ?? ''),
    rows,
    groupOrder,
  );
  const genes = ordered(
    summary.genes.map(({ gene }) => gene),
    known.map(fromLowToHigh),
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
        const shade = shades[g]?.[row] ?? Number.NaN;
        return {
          shade: Number.isNaN(shade) ? null : shade,
          mean: gene?.mean[k] ?? null,
          fraction: gene?.fraction[k] ?? 0,
        };
      }),
    ),
    low,
    high,
    groupTree: groups.tree,
    geneTree: genes.tree,
  };
}
