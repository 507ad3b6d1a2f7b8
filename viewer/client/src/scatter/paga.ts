/** The graph of PAGA above the cells: a node at the middle of each category, edges as wide as their weight. */
import { quickselect } from 'd3-array';
import { inPieces, stepwise } from '../canvas/steps';
import { chipColor } from '../color/chips';
import { categoryLut } from '../color/lut';
import { type CategoryData, categoryName } from '../state/fields/field';
import { preferences } from '../state/page/preferences.svelte';
import { obsKey } from '../state/view/fieldRef';
import type { Pane } from '../state/viewer/pane.svelte';
import type { Place } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { pageColor } from '../ui/drawing/figure';
import { fitted } from '../ui/drawing/text';
import { element, text } from './drawing';
import type { Drawing } from './overlay';

/** Pixels of the widest edge and of the thinnest. */
const WIDEST = 9;
const THINNEST = 0.8;
/** Radii of the nodes in pixels; their areas are as the cells. */
const LARGEST = 14;
const SMALLEST = 4;
const LONGEST_NAME = 140;

interface Node {
  readonly x: number;
  readonly y: number;
  readonly n: number;
}

/** The medians of a plot's coordinates, until there are others. */
const known = new WeakMap<Place, { readonly field: CategoryData; readonly nodes: readonly (Node | null)[] }>();

/** Find the median of the drawn cells of each category, in steps; null for one without. */
export function* medianSteps(
  { x, y }: Pick<Place, 'x' | 'y'>,
  { values, categories }: Pick<CategoryData, 'values' | 'categories'>,
): Generator<undefined, (Node | null)[]> {
  const size = categories.length;
  const isDrawn = (cell: number, code: number) =>
    code >= 0 && code < size && Number.isFinite((x[cell] as number) + (y[cell] as number));
  /** Where the cells of each category begin, and after them all the number of cells. */
  const starts = new Uint32Array(size + 1);
  yield* inPieces(x.length, (from, to) => {
    for (let cell = from; cell < to; cell++) {
      const code = values[cell] as number;
      if (isDrawn(cell, code)) starts[code + 1] = (starts[code + 1] as number) + 1;
    }
  });
  for (let code = 0; code < size; code++) starts[code + 1] = (starts[code + 1] as number) + (starts[code] as number);
  const total = starts[size] as number;
  const along = [new Float32Array(total), new Float32Array(total)] as const;
  const free = starts.slice();
  yield* inPieces(x.length, (from, to) => {
    for (let cell = from; cell < to; cell++) {
      const code = values[cell] as number;
      if (!isDrawn(cell, code)) continue;
      const at = free[code] as number;
      along[0][at] = x[cell] as number;
      along[1][at] = y[cell] as number;
      free[code] = at + 1;
    }
  });
  const nodes: (Node | null)[] = [];
  for (let code = 0; code < size; code++) {
    const [from, to] = [starts[code] as number, starts[code + 1] as number];
    yield;
    const middleX = to > from ? medianOf(along[0].subarray(from, to)) : 0;
    yield;
    nodes.push(to > from ? { x: middleX, y: medianOf(along[1].subarray(from, to)), n: to - from } : null);
  }
  return nodes;
}

/** Return the median of numbers, whose order changes. */
function medianOf(numbers: Float32Array): number {
  const below = (numbers.length - 1) >> 1;
  quickselect(numbers, below);
  const low = numbers[below] as number;
  if (numbers.length % 2 === 1) return low;
  let high = Number.POSITIVE_INFINITY;
  for (let k = below + 1; k < numbers.length; k++) if ((numbers[k] as number) < high) high = numbers[k] as number;
  return (low + high) / 2;
}

async function nodesOf(place: Place, field: CategoryData): Promise<readonly (Node | null)[]> {
  const before = known.get(place);
  if (before?.field === field) return before.nodes;
  const nodes = await stepwise(medianSteps(place, field));
  known.set(place, { field, nodes });
  return nodes;
}

export async function prepare(viewer: Viewer, { place, coloring }: Pane): Promise<Drawing | null> {
  const { paga: threshold } = viewer.view.overlays;
  const { paga } = await viewer.stored.load();
  if (threshold === null || !paga || !place) return null;
  const [graph, field] = await Promise.all([viewer.stored.paga(), viewer.fields.load(obsKey(paga.group_by))]);
  if (field.kind !== 'category') return null;
  const nodes = await nodesOf(place, field);
  // The heaviest edges come first.
  const shown = graph.edges.filter(({ weight }) => weight >= threshold).reverse();
  const heaviest = graph.edges[0]?.weight ?? 1;
  const most = Math.max(1, ...nodes.map((node) => node?.n ?? 0));
  const isNamed = coloring.kind === 'category' && coloring.key === field.key && preferences.choices.names;
  return ({ project }) => {
    const [dark, light] = [pageColor('--text'), pageColor('--canvas')];
    const lut = categoryLut({
      colors: preferences.colorsOf(field.colors),
      size: field.categories.length,
      theme: preferences.theme,
    });
    const at = nodes.map((node) => node && project(node.x, node.y));
    const lines = shown.flatMap(({ a, b, weight }) => {
      const [from, to] = [at[a], at[b]];
      if (!from || !to) return [];
      const ends = { x1: from[0], y1: from[1], x2: to[0], y2: to[1], 'stroke-linecap': 'round' };
      const width = Math.max(THINNEST, (WIDEST * weight) / heaviest);
      return [
        element('line', { ...ends, stroke: light, 'stroke-width': width + 2, opacity: 0.7 }),
        element('line', { ...ends, stroke: dark, 'stroke-width': width, opacity: 0.8 }),
      ];
    });
    const circles = nodes.flatMap((node, code) => {
      const centre = at[code];
      if (!node || !centre) return [];
      const r = Math.max(SMALLEST, LARGEST * Math.sqrt(node.n / most));
      const circle = element('circle', {
        ...{ cx: centre[0], cy: centre[1], r, fill: chipColor(lut, code), stroke: dark, 'stroke-width': 1.5 },
      });
      if (isNamed) return [circle];
      const name = fitted(categoryName(field.categories, code), LONGEST_NAME, 12, 600);
      const halo = { stroke: light, 'stroke-width': 3, 'stroke-linejoin': 'round', 'paint-order': 'stroke' };
      const font = { 'text-anchor': 'middle', 'font-size': 12, 'font-weight': 600, fill: dark };
      return [circle, text(name, centre[0], centre[1] - r - 5, { ...font, ...halo })];
    });
    return [...lines, ...circles];
  };
}
