/** What a heat map draws: genes in the order asked for, standardised over the cells shown. */
import type { CategoryData } from '../../state/fields/field';
import { type Arrangement, shownPlaces } from '../../state/plots/arrangement';
import type { Order, Standard } from '../../state/plots/plots.svelte';
import type { Clustering } from '../parts/clustering';
import { ordered } from '../parts/order';
import { domainOf, filled, fromLowToHigh, standardised } from '../parts/standard';

/** Values of genes in some cells of each category. */
export interface Heat {
  readonly groups: readonly { readonly name: string; readonly n: number; readonly shown: number }[];
  /** The cells shown, category by category. */
  readonly cells: Uint32Array;
  readonly rows: readonly { readonly gene: string; readonly values: Float32Array }[];
}

export interface HeatMap {
  readonly groups: readonly {
    readonly name: string;
    readonly n: number;
    readonly shown: number;
    readonly start: number;
  }[];
  readonly genes: readonly { readonly gene: string; readonly means: readonly number[] }[];
  /** By gene, then cell, in the order drawn; NaN for a missing value. */
  readonly values: readonly (readonly number[])[];
  /** The cells drawn, in their order. */
  readonly cells: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly geneTree: Clustering | null;
}

/** Deviations beyond these have the colour of the end: single cells lie far out. */
const MOST_DEVIATIONS = 3;

/** Return the cells of the categories that are shown, in the order of the user. */
export function arrangedHeat<Data extends Heat>(heat: Data, arrangement: Arrangement): Data {
  const starts: number[] = [];
  heat.groups.reduce((start, { shown }) => {
    starts.push(start);
    return start + shown;
  }, 0);
  const names = heat.groups.map(({ name }) => name);
  const groups = shownPlaces(names, arrangement);
  const places = groups.flatMap((g) =>
    Array.from({ length: heat.groups[g]?.shown ?? 0 }, (_, k) => (starts[g] ?? 0) + k),
  );
  return {
    ...heat,
    groups: groups.flatMap((g) => heat.groups[g] ?? []),
    cells: Uint32Array.from(places, (place) => heat.cells[place] ?? 0),
    rows: heat.rows.map((row) => ({
      ...row,
      values: Float32Array.from(places, (place) => row.values[place] ?? Number.NaN),
    })),
  };
}

export function heatMap(heat: Heat, standard: Standard, order: Order, groupOrder: Order): HeatMap {
  const starts: number[] = [];
  heat.groups.reduce((start, { shown }) => {
    starts.push(start);
    return start + shown;
  }, 0);
  const shades = heat.rows.map(({ values }) => standardised([...values], standard));
  const means = (values: ArrayLike<number>) =>
    heat.groups.map(({ shown }, g) => {
      let [sum, known] = [0, 0];
      for (let k = 0; k < shown; k++) {
        const value = values[(starts[g] ?? 0) + k] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        sum += value;
        known++;
      }
      return known > 0 ? sum / known : Number.NaN;
    });
  const shadeMeans = shades.map((values) => filled(means(values)));
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
      return { gene: heat.rows[row]?.gene ?? '', means: groups.places.map((g) => all[g] ?? Number.NaN) };
    }),
    values: genes.places.map((row) => places.map((place) => shades[row]?.[place] ?? Number.NaN)),
    cells: places.map((place) => heat.cells[place] ?? 0),
    low: standard === 'z' ? -clip : low,
    high: clip,
    geneTree: genes.tree,
  };
}

/**
 * Some cells of each category, at even steps through its cells in the order of the file, so that the same question has the
 * same answer. Every category has the same share of the room, and leaves to the larger ones what it does not need.
 */
export function sampled(
  { values, categories }: Pick<CategoryData, 'values' | 'categories'>,
  mask: Uint8Array | null,
  most: number,
): Pick<Heat, 'groups' | 'cells'> {
  const lists: number[][] = categories.map(() => []);
  for (let cell = 0; cell < values.length; cell++) {
    if (!mask || mask[cell]) lists[values[cell] as number]?.push(cell);
  }
  const sizes = lists.map((list) => list.length).sort((a, b) => a - b);
  let room = most;
  let cap = 0;
  for (let k = 0; k < sizes.length; k++) {
    cap = Math.floor(room / (sizes.length - k));
    if ((sizes[k] as number) > cap) break;
    room -= sizes[k] as number;
    cap = Number.POSITIVE_INFINITY;
  }
  const groups: { name: string; n: number; shown: number }[] = [];
  const cells: number[] = [];
  lists.forEach((list, code) => {
    const shown = Math.min(list.length, cap);
    if (shown === 0) return;
    for (let k = 0; k < shown; k++) cells.push(list[Math.floor((k * list.length) / shown)] as number);
    groups.push({ name: categories[code] ?? '', n: list.length, shown });
  });
  return { groups, cells: Uint32Array.from(cells) };
}
