/** A plot of the page as a panel: its legend in its place, and nothing around it. */
import { drawing } from './figure';
import type { LegendPlace } from './panel';

interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

const DRAWN = 'text, rect, circle, line, path, polygon';
const LEGEND = '[data-legend]';
const AXIS = '[data-axis]';
const MARGIN = 2;
/** Between a plot and its legend. */
const APART = 16;

/** Return how far a legend is moved to its place beside or below a plot. */
export function legendShift(
  content: Box,
  legend: Box,
  place: 'right' | 'below',
  room: number,
): readonly [number, number] {
  const fits = legend.x1 - legend.x0 + APART + content.x1 - content.x0 <= room;
  if (place === 'right' && fits) {
    return legend.x0 >= content.x1 ? [0, 0] : [content.x1 + APART - legend.x0, content.y0 - legend.y0];
  }
  return legend.y0 >= content.y1 ? [0, 0] : [content.x0 - legend.x0, content.y1 + APART - legend.y0];
}

/** Return the drawing of a figure that is on the page, cut to what is drawn. */
export function arrangedDrawing(
  figure: HTMLElement,
  { legend, axes, width }: { readonly legend: LegendPlace; readonly axes: boolean; readonly width: number },
): SVGSVGElement {
  const shown = figure.querySelector('svg');
  const toOwn = shown?.getScreenCTM()?.inverse();
  if (!shown || !toOwn) throw new Error('There is nothing to draw yet.');
  const all = [...shown.querySelectorAll<SVGGraphicsElement>(DRAWN)].filter((one) => !one.closest('[data-passing]'));
  const ofLegend = boxOf(
    all.filter((one) => one.closest(LEGEND)),
    toOwn,
  );
  const content = boxOf(
    all.filter((one) => !one.closest(LEGEND) && (axes || !one.closest(AXIS))),
    toOwn,
  );
  const copy = drawing(figure, true);
  if (!axes) for (const one of copy.querySelectorAll(AXIS)) one.remove();
  let whole = content;
  if (legend === 'none') for (const one of copy.querySelectorAll(LEGEND)) one.remove();
  else if (content && ofLegend) {
    const [dx, dy] = legendShift(content, ofLegend, legend, width);
    for (const one of copy.querySelectorAll(LEGEND)) {
      const moved = document.createElementNS('http://www.w3.org/2000/svg', 'g');
      moved.setAttribute('transform', `translate(${dx} ${dy})`);
      one.replaceWith(moved);
      moved.append(one);
    }
    whole = union(content, { x0: ofLegend.x0 + dx, x1: ofLegend.x1 + dx, y0: ofLegend.y0 + dy, y1: ofLegend.y1 + dy });
  }
  for (const mark of ['data-legend', 'data-axis']) {
    for (const one of copy.querySelectorAll(`[${mark}]`)) one.removeAttribute(mark);
  }
  if (!whole) return copy;
  const [wide, high] = [whole.x1 - whole.x0 + 2 * MARGIN, whole.y1 - whole.y0 + 2 * MARGIN];
  copy.setAttribute('viewBox', [whole.x0 - MARGIN, whole.y0 - MARGIN, wide, high].join(' '));
  copy.setAttribute('width', String(wide));
  copy.setAttribute('height', String(high));
  return copy;
}

function boxOf(elements: readonly Element[], toOwn: DOMMatrix): Box | null {
  let box: Box | null = null;
  for (const element of elements) {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    if (right <= left && bottom <= top) continue;
    const [from, to] = [new DOMPoint(left, top), new DOMPoint(right, bottom)].map((at) => at.matrixTransform(toOwn));
    if (!from || !to) continue;
    const one = { x0: from.x, y0: from.y, x1: to.x, y1: to.y };
    box = box ? union(box, one) : one;
  }
  return box;
}

function union(a: Box, b: Box): Box {
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}
