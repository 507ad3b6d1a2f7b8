/** The scatter plot as an SVG: its points as a picture, with names, legend, scale and axes as vectors. */

import type { Lut } from '../canvas/paint';
import { leftOut, lineTo, placeLabels } from '../canvas/placeLabels';
import { chipColor } from '../color/chips';
import { framed, imageOf, pageColor } from '../ui/drawing/figure';
import { fitted, textWidth } from '../ui/drawing/text';
import { element, text } from './drawing';

/** A name at a place of the plot. */
export interface PlotName {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  /** The place of its cells, if the name was moved. */
  readonly home: readonly [number, number] | null;
}

export type FigureLegend =
  | {
      readonly kind: 'category';
      readonly title: string;
      readonly lut: Lut;
      readonly entries: readonly { readonly code: number; readonly name: string }[];
    }
  | {
      readonly kind: 'value';
      readonly title: string;
      readonly note: string;
      readonly shades: readonly string[];
      readonly low: string;
      readonly high: string;
    };

export interface ScatterFigure {
  /** Address of the points' picture, and its pixels on the page. */
  readonly points: string;
  readonly width: number;
  readonly height: number;
  readonly names: readonly PlotName[];
  /** The overlays of the plot, between its points and the names. */
  readonly overlays?: readonly SVGElement[];
  readonly legend: FigureLegend | null;
  /** What the axes are called; null: no axes. */
  readonly axes: readonly [string, string] | null;
  readonly transparent: boolean;
  /** Whether the legend lies below the plot; by default it is beside it. */
  readonly below?: boolean;
}

const SVG = 'http://www.w3.org/2000/svg';
const LINE = 18;
/** The width of a legend of values, and the most that a column of names gets. */
const LEGEND = 190;
const WIDEST_LEGEND = 360;
const MARGIN = 16;
const AXIS = 46;
/** The least that a plot becomes of what it is on the page. */
const LEAST = 0.1;
/** The share of the width that a plot has at least beside its legend. */
const BESIDE = 0.55;
const ROUNDS = 4;
/** The margin of the note on names without room. */
const NOTE = 4;

/** How a figure of some width is arranged. */
export interface Arrangement {
  /** By what the plot is multiplied. */
  readonly ratio: number;
  /** Whether the legend lies below the plot, for which there would be little room beside it. */
  readonly below: boolean;
}

/** Return how a figure with its legend is arranged to have a width. */
export function arranged(
  { width, height }: Pick<ScatterFigure, 'width' | 'height'>,
  legend: FigureLegend | null,
  wanted: number,
): Arrangement {
  let ratio = wanted / width;
  if (!legend) return { ratio, below: false };
  // The legend has more columns where the plot is lower.
  for (let round = 0; round < ROUNDS; round++) {
    ratio = Math.max(LEAST, (wanted - drawnBeside(legend, height * ratio).width - 2 * MARGIN) / width);
  }
  const below = ratio * width < BESIDE * wanted;
  return { ratio: below ? wanted / width : ratio, below };
}

/** Return a data URL of an image. */
export function addressOf(picture: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('The picture could not be read.'));
    reader.readAsDataURL(picture);
  });
}

/** A legend beside a plot. */
export function drawnBeside(legend: FigureLegend, height: number): Drawn {
  if (legend.kind === 'value') return scale(legend);
  return categories(legend, Math.max(8, Math.floor((height - 2 * MARGIN - 24) / LINE)));
}

/** A legend below a plot. */
function under(legend: FigureLegend, width: number): Drawn {
  if (legend.kind === 'value') return scale(legend);
  const columns = Math.max(1, Math.floor((width - 2 * MARGIN) / columnWidth(legend)));
  return categories(legend, Math.ceil(legend.entries.length / columns));
}

/** Return the height that a legend takes below a plot. */
export function underHeight(legend: FigureLegend, width: number): number {
  return under(legend, width).height + 2 * MARGIN;
}

export function scatterFigure(figure: ScatterFigure): SVGSVGElement {
  const { width, height, legend, below = false } = figure;
  const svg = document.createElementNS(SVG, 'svg');
  svg.append(imageOf(figure.points, width, height));
  svg.append(...(figure.overlays ?? []), ...namesOf(figure));
  if (figure.axes) svg.append(...axesOf(figure.axes, height));
  if (!legend) return framed(svg, width, height, figure.transparent);
  const drawn = below ? under(legend, width) : drawnBeside(legend, height);
  const place = below ? [MARGIN, height + MARGIN] : [width + MARGIN, MARGIN];
  const group = element('g', { transform: `translate(${place.join(' ')})` });
  group.append(...drawn.elements);
  svg.append(group);
  if (below) return framed(svg, width, height + drawn.height + 2 * MARGIN, figure.transparent);
  const high = Math.max(height, drawn.height + 2 * MARGIN);
  return framed(svg, width + MARGIN + drawn.width + MARGIN, high, figure.transparent);
}

function namesOf({ names, width, height }: ScatterFigure): SVGElement[] {
  const all = names.map(({ text, x, y }, code) => ({
    code,
    x,
    y,
    width: textWidth(text, 12, 600) + 6,
    height: 17,
    weight: names.length - code,
  }));
  // Names of categories that the figure does not show need no room.
  const wanted = all.filter(({ x, y }) => x >= 0 && y >= 0 && x <= width && y <= height);
  const at = placeLabels(wanted, width, height, { exclusive: true });
  const without = leftOut(wanted, at).map((code) => names[code]?.text ?? '');
  const drawn = at.flatMap((label) => {
    const { code, x, y } = label;
    const home = names[code]?.home ?? null;
    const size = { width: all[code]?.width ?? 0, height: 17 };
    const { moved, line } = home ? lineTo({ x, y, ...size }, home) : label;
    const name = element('text', {
      x,
      y: y + 4,
      'text-anchor': 'middle',
      'font-size': 12,
      'font-weight': 600,
      fill: pageColor('--text'),
      stroke: pageColor('--canvas'),
      'stroke-width': 3,
      'stroke-linejoin': 'round',
      'paint-order': 'stroke',
    });
    name.textContent = names[code]?.text ?? '';
    const [x1, y1, x2, y2] = line;
    return moved ? [element('line', { x1, y1, x2, y2, stroke: pageColor('--text-soft') }), name] : [name];
  });
  if (without.length === 0) return drawn;
  const note = fitted(`Without room for a name: ${without.join(', ')}`, width - 2 * NOTE, 10);
  return [...drawn, text(note, NOTE, 10, { fill: pageColor('--text-soft'), 'font-size': 10 })];
}

/** Two short arrows in the corner: an embedding has directions, but no units. */
function axesOf([across, up]: readonly [string, string], height: number): SVGElement[] {
  const [x, y] = [18, height - 20];
  const color = pageColor('--text-soft');
  const arrow = element('path', {
    d: `M${x} ${y - AXIS}V${y}H${x + AXIS}M${x - 3} ${y - AXIS + 5}l3 -6l3 6M${x + AXIS - 5} ${y - 3}l6 3l-6 3`,
    fill: 'none',
    stroke: color,
  });
  const first = text(across, x, y + 14, { fill: color, 'font-size': 11 });
  const second = text(up, 0, 0, { fill: color, 'font-size': 11, transform: `translate(${x - 7} ${y}) rotate(-90)` });
  return [arrow, first, second];
}

export interface Drawn {
  readonly elements: readonly SVGElement[];
  readonly width: number;
  readonly height: number;
}

/** The width of a column of categories. */
function columnWidth({ title, entries }: Extract<FigureLegend, { kind: 'category' }>): number {
  const longest = Math.max(0, ...entries.map(({ name }) => textWidth(name, 12, 400)));
  const ofTitle = textWidth(fitted(title, LEGEND, 13, 600), 13, 600);
  return Math.min(WIDEST_LEGEND, Math.ceil(Math.max(longest + 30, ofTitle + MARGIN)));
}

/** Categories one below the other, in columns of some rows. */
function categories(legend: Extract<FigureLegend, { kind: 'category' }>, rows: number): Drawn {
  const { title, lut, entries } = legend;
  const columns = Math.ceil(entries.length / rows);
  const elements: SVGElement[] = [heading(title)];
  const column = columnWidth(legend);
  entries.forEach(({ code, name }, k) => {
    const [x, y] = [Math.floor(k / rows) * column, 28 + (k % rows) * LINE];
    elements.push(element('circle', { cx: x + 5, cy: y, r: 5, fill: chipColor(lut, code) }));
    elements.push(text(fitted(name, column - 26), x + 17, y + 4, { fill: pageColor('--text'), 'font-size': 12 }));
  });
  return { elements, width: columns * column, height: 28 + Math.min(rows, entries.length) * LINE };
}

function scale({ title, note, shades, low, high }: Extract<FigureLegend, { kind: 'value' }>): Drawn {
  const wide = 164;
  const soft = { fill: pageColor('--text-soft'), 'font-size': 11 };
  const elements: SVGElement[] = [heading(title)];
  shades.forEach((shade, k) => {
    const x = (k * wide) / shades.length;
    elements.push(element('rect', { x, y: 20, width: wide / shades.length + 0.5, height: 10, fill: shade }));
  });
  elements.push(text(low, 0, 44, soft), text(high, wide, 44, { ...soft, 'text-anchor': 'end' }));
  if (note) elements.push(text(fitted(note, LEGEND, 11), 0, 62, soft));
  return { elements, width: LEGEND, height: 66 };
}

function heading(title: string): SVGElement {
  return text(fitted(title, LEGEND, 13, 600), 0, 8, { fill: pageColor('--text'), 'font-size': 13, 'font-weight': 600 });
}
