/** Panels of a figure on a page: rows of a grid, letters and titles. Sizes are points. */
import { FONTS, type FontName, framed } from './figure';
import { textWidth } from './text';

export const POINTS_PER_MM = 72 / 25.4;
/** The size of most text of a plot in its own pixels. */
export const TEXT_PIXELS = 12;
/** Space between panels. */
export const GAP = 10;

export const LETTERS = ['lower', 'upper', 'none'] as const;
export type Letters = (typeof LETTERS)[number];

export interface Style {
  readonly font: FontName;
  readonly points: number;
  readonly letters: Letters;
  readonly titles: boolean;
}

/** A panel that was drawn. */
export interface DrawnPanel {
  readonly drawn: SVGSVGElement;
  readonly title: string;
  /** The columns that it takes. */
  readonly span: number;
  /** The height that it has to keep; null: that of the drawing. */
  readonly height: number | null;
}

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** By what the pixels of the plot are multiplied. */
  readonly scale: number;
}

/** The letter of a panel: after z comes aa. */
export function letterOf(k: number, letters: Letters): string {
  if (letters === 'none') return '';
  const before = k >= 26 ? letterOf(Math.floor(k / 26) - 1, 'lower') : '';
  const letter = before + String.fromCharCode('a'.charCodeAt(0) + (k % 26));
  return letters === 'upper' ? letter.toUpperCase() : letter;
}

/** Return panels by rows: one that does not fit into what is left of a row begins the next. */
export function rowsOf(spans: readonly number[], columns: number): number[][] {
  const rows: number[][] = [];
  let free = 0;
  spans.forEach((span, k) => {
    const needed = Math.min(span, columns);
    if (needed > free) {
      rows.push([]);
      free = columns;
    }
    rows.at(-1)?.push(k);
    free -= needed;
  });
  return rows;
}

/** The width of some columns. */
export function widthOf(span: number, columns: number, width: number): number {
  const column = (width - (columns - 1) * GAP) / columns;
  const n = Math.min(span, columns);
  return n * column + (n - 1) * GAP;
}

/** The height of the line of letters and titles. */
export function headOf({ letters, titles, points }: Style): number {
  return letters === 'none' && !titles ? 0 : letterSize(points) + 5;
}

function letterSize(points: number): number {
  return points + 1;
}

/** Return where panels are, and the height of the figure. A plot that is too wide for its columns is made smaller. */
export function placed(
  panels: readonly (Pick<DrawnPanel, 'span' | 'height'> & { readonly size: { width: number; height: number } })[],
  columns: number,
  width: number,
  style: Style,
): { readonly places: readonly Place[]; readonly height: number } {
  const head = headOf(style);
  const usual = style.points / TEXT_PIXELS;
  const places: Place[] = [];
  let top = 0;
  for (const row of rowsOf(
    panels.map(({ span }) => span),
    columns,
  )) {
    let left = 0;
    let tallest = 0;
    for (const k of row) {
      const panel = panels[k];
      if (!panel) continue;
      const wide = widthOf(panel.span, columns, width);
      const high = panel.height === null ? Number.POSITIVE_INFINITY : panel.height - head;
      const scale = Math.min(usual, wide / panel.size.width, high / panel.size.height);
      places[k] = { x: left, y: top, width: wide, scale };
      tallest = Math.max(tallest, head + (panel.height === null ? scale * panel.size.height : high));
      left += wide + GAP;
    }
    top += tallest + GAP;
  }
  return { places, height: Math.max(1, top - GAP) };
}

/** The size of a drawing in its own pixels. */
export function viewOf(drawn: SVGSVGElement): { x: number; y: number; width: number; height: number } {
  const [x = 0, y = 0, width = 1, height = 1] = (drawn.getAttribute('viewBox') ?? '').split(/\s+/).map(Number);
  return { x, y, width, height };
}

/** Return the figure as one drawing, whose pixels are points. */
export function composed(
  panels: readonly DrawnPanel[],
  { places, height }: { readonly places: readonly Place[]; readonly height: number },
  width: number,
  style: Style,
  transparent: boolean,
): SVGSVGElement {
  const figure = make('svg', {}) as SVGSVGElement;
  panels.forEach(({ drawn, title }, k) => {
    const place = places[k];
    if (!place) return;
    const view = viewOf(drawn);
    const base = place.y + letterSize(style.points);
    const letter = letterOf(k, style.letters);
    const size = letterSize(style.points);
    if (letter) figure.append(text(letter, place.x, base, { 'font-size': size, 'font-weight': 700 }));
    if (style.titles && title) {
      const beside = letter ? textWidth(letter, size, 700) + style.points * 0.7 : 0;
      figure.append(text(title, place.x + beside, base, { 'font-size': style.points, 'font-weight': 600 }));
    }
    const [x, y] = [place.x - view.x * place.scale, place.y + headOf(style) - view.y * place.scale];
    const group = make('g', {
      transform: `translate(${x.toFixed(3)} ${y.toFixed(3)}) scale(${place.scale.toFixed(5)})`,
    });
    for (const child of drawn.childNodes) group.append(child.cloneNode(true));
    figure.append(group);
  });
  const made = framed(figure, width, height, transparent);
  made.setAttribute('font-family', FONTS[style.font]);
  return made;
}

function text(content: string, x: number, y: number, attributes: Record<string, string | number>): SVGElement {
  const made = make('text', { x: x.toFixed(3), y: y.toFixed(3), fill: '#000000', ...attributes });
  made.textContent = content;
  return made;
}

function make(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
