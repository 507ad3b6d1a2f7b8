/** The parts of a figure of the plot: names, legend and data. */
import { anchorSteps } from '../canvas/labels';
import type { Scatter } from '../canvas/scatter';
import { stepwise } from '../canvas/steps';
import { sample } from '../color/colormaps';
import { rgbToHex } from '../color/oklab';
import { pairCodes } from '../color/pair';
import { cellsOf, selectionOf } from '../state/fields/cells';
import { type Coloring, greyCells } from '../state/fields/coloring';
import { categoryName, codesOf } from '../state/fields/field';
import { preferences } from '../state/page/preferences.svelte';
import { isShown } from '../state/view/fieldFilter';
import { namedCategories } from '../state/viewer/namedCategories';
import type { Pane } from '../state/viewer/pane.svelte';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { save } from '../ui/drawing/download';
import { count, date, number } from '../ui/format';
import { tableLine } from '../wire/csv';
import { lookOf } from './looks';
import type { FigureLegend, PlotName } from './scatterFigure';

/** A name with its position in data units. */
export interface NameAnchor {
  readonly text: string;
  readonly at: readonly [number, number];
  /** The position of its cells, if the user has moved the name. */
  readonly home: readonly [number, number] | null;
}

/** Return the names of categories with their positions, the first to get a place first. */
export async function nameAnchors(viewer: Viewer, pane: Pane): Promise<NameAnchor[]> {
  const { place } = pane;
  const named = namedCategories(viewer, pane);
  if (!preferences.choices.names || !place || !named) return [];
  const { key, values, categories } = named;
  const filter = viewer.view.filters[key];
  const pins = categories.map((_, code) => pane.pinOf(key, code));
  const found = await stepwise(anchorSteps(place.x, place.y, values, categories.length, viewer.selection.mask));
  return found
    .filter(({ code }) => isShown(filter, code))
    .map((anchor) => ({ ...anchor, pin: pins[anchor.code] ?? null }))
    .sort((a, b) => Number(b.pin !== null) - Number(a.pin !== null) || b.n - a.n)
    .map(({ code, x, y, pin }) => ({ text: categoryName(categories, code), at: pin ?? [x, y], home: pin && [x, y] }));
}

/** Return names at pixels of a plot. */
export function namesAt(names: readonly NameAnchor[], plot: Scatter): PlotName[] {
  return names.map(({ text, at, home }) => {
    const [x, y] = plot.project(...at);
    return { text, x, y, home: home && plot.project(...home) };
  });
}

/** The colours of a plot, and what its legend leaves out. */
export interface Legended {
  readonly coloring: Coloring;
  /** The codes of the categories shown, in their order. */
  readonly codes: readonly number[];
  readonly nZero: number;
}

/** Return what the legend of a plot is made of. */
export function legended(viewer: Viewer, pane: Pane): Legended {
  const { coloring } = pane;
  if (coloring.kind === 'category') {
    const field = viewer.fields.get(coloring.key);
    const filter = viewer.view.filters[coloring.key];
    const codes = field?.kind === 'category' ? codesOf(field) : [];
    return { coloring, codes: codes.filter((code) => isShown(filter, code)), nZero: 0 };
  }
  const nZero = coloring.kind === 'value' ? greyCells(coloring, viewer.selection.subsetMask).nZero : 0;
  return { coloring, codes: [], nZero };
}

export function legendOf({ coloring, codes, nZero }: Legended): FigureLegend | null {
  const { theme, choices } = preferences;
  if (coloring.kind === 'plain') return null;
  if (coloring.kind === 'category') {
    const { title, categories } = coloring;
    const entries = codes.map((code) => ({ code, name: categoryName(categories, code) }));
    return { kind: 'category', title, lut: lookOf(coloring, theme, choices).lut, entries };
  }
  if (coloring.kind === 'pair') {
    const { a, b, title } = coloring;
    const ends = [
      [a.title, 255, 1],
      [b.title, 1, 255],
      [`${a.title} and ${b.title}`, 255, 255],
      ['neither', 1, 1],
    ] as const;
    const entries = ends.map(([name, first, second]) => {
      const [code = 0] = pairCodes(Uint8Array.of(first), Uint8Array.of(second));
      // The table has the entry of a category at its code + 1.
      return { code: code - 1, name };
    });
    return { kind: 'category', title, lut: lookOf(coloring, theme, choices).lut, entries };
  }
  const { title, subtitle, domain, extent, zero } = coloring;
  const write = coloring.isDate ? date : number;
  const grey = zero && nZero > 0 ? `grey: 0 in ${count(nZero)} cells` : '';
  return {
    kind: 'value',
    title,
    note: grey || subtitle,
    shades: sample(choices.colormap, theme, 48, choices.reversed).map(rgbToHex),
    low: `${extent[0] < domain[0] && !zero ? '≤ ' : ''}${write(domain[0])}`,
    high: `${extent[1] > domain[1] ? '≥ ' : ''}${write(domain[1])}`,
  };
}

/** Return a table of the selected cells: name, coordinates and the values of the colouring. */
export async function plotCsv(viewer: Viewer): Promise<Blob> {
  await viewer.pane.exactly();
  const { coloring, place } = viewer;
  const { mask } = viewer.selection;
  const cells = cellsOf(mask, viewer.n);
  const names = await (await viewer.api.cellsNamed(selectionOf(cells))).text();
  const [, ...quoted] = rowsOf(names);
  const columns = coloring.kind === 'pair' ? [coloring.a, coloring.b] : coloring.kind === 'plain' ? [] : [coloring];
  const header = ['cell', ...(place ? ['x', 'y'] : []), ...columns.map(({ title }) => title)];
  const lines = [tableLine(header)];
  cells.forEach((cell, k) => {
    const parts: (string | number | null | undefined)[] = place ? [place.x[cell], place.y[cell]] : [];
    for (const column of columns) {
      if (column.kind === 'category') {
        const code = column.values[cell] ?? -1;
        parts.push(code < 0 ? null : column.categories[code]);
      } else {
        const value = column.values[cell] ?? Number.NaN;
        parts.push(Number.isNaN(value) ? null : value);
      }
    }
    lines.push([quoted[k] ?? '', ...(parts.length > 0 ? [tableLine(parts)] : [])].join(','));
  });
  return new Blob([lines.join('\n'), '\n'], { type: 'text/csv' });
}

/** Split a CSV table of one column into its rows, with their quotes; a quoted name may contain a line break. */
function rowsOf(table: string): string[] {
  return table.match(/"(?:[^"]|"")*"|[^\n]+/g) ?? [];
}

/** Save the names of the selected cells. */
export async function selectedNames(viewer: Viewer): Promise<void> {
  const names = await viewer.api.cellsNamed(selectionOf(cellsOf(viewer.selection.mask, viewer.n)));
  save(names, `${viewer.schema.title} cells.csv`);
}
