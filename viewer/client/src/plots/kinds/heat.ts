/** What a heat map draws: genes in the order asked for, standardised over the cells shown. */
import type { Heat } from '../../state/plots/plotData.svelte';
import type { Order, Standard } from '../../state/plots/plots.svelte';
import type { Clustering } from '../parts/cluster';
import { domainOf, fromLowToHigh, ordered, standardised } from './dots';

export interface HeatMap {
  readonly groups: readonly {
    readonly name: string;
    readonly n: number;
    readonly shown: number;
    readonly start: number;
  }[];
  readonly genes: readonly { readonly gene: string; readonly means: readonly number[] }[];
  /** By gene, then cell, in the order drawn. */
  readonly values: readonly (readonly number[])[];
  /** The cells drawn, in their order. */
  readonly cells: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly geneTree: Clustering | null;
}

/** Deviations beyond these have the colour of the end: single cells lie far out. */
const MOST_DEVIATIONS = 3;

export function heatMap(heat: Heat, standard: Standard, order: Order, groupOrder: Order): HeatMap {
  const starts: number[] = [];
  heat.groups.reduce((start, { shown }) => {
    starts.push(start);
    return start + shown;
  }, 0);
  const shades = heat.rows.map(({ values }) => standardised([...values], standard));
  const means = (values: ArrayLike<number>) =>
    heat.groups.map(({ shown }, g) => {
      let sum = 0;
      for (let k = 0; k < shown; k++) sum += values[(starts[g] ?? 0) + k] ?? 0;
      return sum / (shown || 1);
    });
  const shadeMeans = shades.map(means);
  const genes = ordered(
    heat.rows.map(({ gene }) => gene),
    shadeMeans.map(fromLowToHigh),
    order,
  );
  const groups = ordered(
    heat.groups.map(({ name }) => name),
    heat.groups.map((_, g) => shadeMeans.map((row) => row[g] ?? 0)),
    groupOrder,
  );
  const places = groups.places.flatMap((g) =>
    Array.from({ length: heat.groups[g]?.shown ?? 0 }, (_, k) => (starts[g] ?? 0) + k),
  );
  let start = 0;
  const placed = groups.places.map((g) => {
    const group = { name: '', n: 0, shown: 0, ...heat.groups[g], start };
    start += group.shown;
    return group;
  });
  const [low, high] = domainOf(shades.flat(), standard);
  const clip = standard === 'z' ? Math.min(high, MOST_DEVIATIONS) : high;
  return {
    groups: placed,
    genes: genes.places.map((row) => {
      const all = means(heat.rows[row]?.values ?? []);
      return { gene: heat.rows[row]?.gene ?? '', means: groups.places.map((g) => all[g] ?? 0) };
    }),
    values: genes.places.map((row) => places.map((place) => shades[row]?.[place] ?? 0)),
    cells: places.map((place) => heat.cells[place] ?? 0),
    low: standard === 'z' ? -clip : low,
    high: clip,
    geneTree: genes.tree,
  };
}
