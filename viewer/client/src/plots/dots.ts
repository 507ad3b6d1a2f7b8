/** What a dot plot draws, from a summary. */
import type { Summary } from '../api/types';
import type { Order } from '../state/plots.svelte';
import { clustered } from './cluster';

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
}

/** Values of a gene from 0 (its lowest mean) to 1 (its highest). */
export function standardised(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values.map((value) => (span > 0 ? (value - low) / span : 0));
}

export function dots(summary: Summary, standardise: boolean, order: Order): Dots {
  const present = [...summary.n.keys()].filter((k) => (summary.n[k] ?? 0) > 0);
  const shades = summary.genes.map((gene) => {
    const values = present.map((k) => gene.mean[k] ?? 0);
    return standardise ? standardised(values) : values;
  });
  const rows = present.map((_, row) => shades.map((values) => values[row] ?? 0));
  const groupOrder = ordered(
    present.map((k) => summary.groups[k] ?? ''),
    rows,
    order,
  );
  const geneOrder = ordered(
    summary.genes.map(({ gene }) => gene),
    shades.map(standardised),
    order,
  );
  const every = shades.flat();
  return {
    groups: groupOrder.map((row) => {
      const k = present[row] ?? 0;
      return { name: summary.groups[k] ?? '', n: summary.n[k] ?? 0 };
    }),
    genes: geneOrder.map((g) => summary.genes[g]?.gene ?? ''),
    cells: geneOrder.map((g) =>
      groupOrder.map((row) => {
        const k = present[row] ?? 0;
        const gene = summary.genes[g];
        return { shade: shades[g]?.[row] ?? 0, mean: gene?.mean[k] ?? null, fraction: gene?.fraction[k] ?? 0 };
      }),
    ),
    low: Math.min(0, ...every),
    high: Math.max(...every, 0),
  };
}

function ordered(names: readonly string[], rows: readonly (readonly number[])[], order: Order): number[] {
  if (order === 'cluster') return clustered(rows);
  const places = [...names.keys()];
  if (order === 'given') return places;
  return places.sort((a, b) => (names[a] ?? '').localeCompare(names[b] ?? '', undefined, { numeric: true }));
}
