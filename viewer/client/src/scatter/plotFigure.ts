/** The parts of a figure of the plot: names, legend and data. */
import { anchors } from '../canvas/labels';
import type { Scatter } from '../canvas/scatter';
import { sample } from '../color/colormaps';
import { categoryLut } from '../color/lut';
import { rgbToHex } from '../color/oklab';
import { pairCodes, pairLut } from '../color/pair';
import { cellsOf, selectionOf } from '../state/fields/cells';
import { greyCells } from '../state/fields/coloring';
import { categoryName, codesOf } from '../state/fields/field';
import { preferences } from '../state/page/preferences.svelte';
import { isShown } from '../state/view/fieldFilter';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { save } from '../ui/drawing/download';
import { count, date, number } from '../ui/format';
import { tableLine } from '../wire/csv';
import type { FigureLegend, PlotName } from './scatterFigure';

/** The limit of names, which would cover the cells. */
const MOST_NAMES = 60;

/** Return the names of categories with their positions. */
export function namesOf(viewer: Viewer, plot: Scatter): PlotName[] {
  const { coloring, place } = viewer;
  if (!preferences.choices.names || !place || coloring.kind !== 'category') return [];
  if (coloring.categories.length > MOST_NAMES) return [];
  const filter = viewer.view.filters[coloring.key];
  return anchors(place.x, place.y, coloring.values, coloring.categories.length, viewer.selection.mask)
    .filter(({ code }) => isShown(filter, code))
    .map((anchor) => ({ ...anchor, pin: viewer.pane.pinOf(coloring.key, anchor.code) }))
    .sort((a, b) => Number(b.pin !== null) - Number(a.pin !== null) || b.n - a.n)
    .map(({ code, x, y, pin }) => {
      const [px, py] = plot.project(...(pin ?? ([x, y] as const)));
      return { text: categoryName(coloring.categories, code), x: px, y: py };
    });
}

export function legendOf(viewer: Viewer): FigureLegend | null {
  const { coloring } = viewer;
  const { theme, choices } = preferences;
  if (coloring.kind === 'plain') return null;
  if (coloring.kind === 'category') {
    const { title, categories } = coloring;
    const field = viewer.fields.get(coloring.key);
    const filter = viewer.view.filters[coloring.key];
    const codes = field?.kind === 'category' ? codesOf(field) : [];
    const entries = codes
      .filter((code) => isShown(filter, code))
      .map((code) => ({ code, name: categoryName(categories, code) }));
    const lut = categoryLut({ colors: preferences.colorsOf(coloring.colors), size: categories.length, theme });
    return { kind: 'category', title, lut, entries };
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
    return { kind: 'category', title, lut: pairLut(theme), entries };
  }
  const { title, subtitle, domain, extent, zero } = coloring;
  const { nZero } = greyCells(coloring, viewer.selection.subsetMask);
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
