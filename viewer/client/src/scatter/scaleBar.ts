/** The scale bar of a spatial embedding. */
import type { Pane } from '../state/viewer/pane.svelte';
import { slideOf } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { pageColor } from '../ui/drawing/figure';
import { textWidth } from '../ui/drawing/text';
import { element, text } from './drawing';
import type { Drawing } from './overlay';

/** The longest bar in pixels, and as a share of the picture's width. */
const LONGEST = 130;
const SHARE = 0.3;
const LEFT = 12;

/** Return the longest bar of a round number of micrometres within some pixels; null if there is none. */
export function roundBar(
  micronsPerPixel: number,
  most: number,
): { readonly pixels: number; readonly label: string } | null {
  const length = micronsPerPixel * most;
  if (!Number.isFinite(length) || length <= 0) return null;
  const decade = 10 ** Math.floor(Math.log10(length));
  const microns = [5, 2, 1].map((factor) => factor * decade).find((value) => value <= length * (1 + 1e-9)) ?? decade;
  const inMillimetres = microns >= 1000;
  // Digits of a power of ten below 1 are rounded to itself.
  const value = Number((inMillimetres ? microns / 1000 : microns).toPrecision(6));
  return { pixels: microns / micronsPerPixel, label: `${value} ${inMillimetres ? 'mm' : 'µm'}` };
}

/** Return the elements of a scale bar at the lower left. */
export function scaleBar(microns: number): Drawing {
  return ({ scale, width, height, covered }) => {
    const bar = roundBar(microns / scale, Math.min(LONGEST, SHARE * width));
    if (!bar) return [];
    const [x, y, color] = [LEFT, height - covered - 18, pageColor('--text')];
    const wide = Math.max(bar.pixels, textWidth(bar.label, 12, 600)) + 16;
    const middle = x + wide / 2;
    const ground = { x, y: y - 24, width: wide, height: 32, rx: 6, fill: pageColor('--canvas'), opacity: 0.75 };
    const d = `M${middle - bar.pixels / 2} ${y - 4}v8m0 -4h${bar.pixels}m0 -4v8`;
    const font = { 'text-anchor': 'middle', 'font-size': 12, 'font-weight': 600, fill: color };
    return [
      element('rect', ground),
      element('path', { d, fill: 'none', stroke: color, 'stroke-width': 2 }),
      text(bar.label, middle, y - 9, font),
    ];
  };
}

export function prepare({ schema }: Viewer, { place }: Pane): Promise<Drawing | null> {
  const microns = place && slideOf(schema, place.name)?.microns;
  return Promise.resolve(microns ? scaleBar(microns) : null);
}
