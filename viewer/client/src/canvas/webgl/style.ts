/** How large and how opaque the cells are: from their number, the zoom and the user's factor. Pure. */
import type { Size } from '../camera';
import type { Rgb } from '../paint';
import type { LayerStyle } from './program';

/** Smallest and largest automatic diameter at the fitted view, in CSS pixels. */
const LEAST = 1.2;
const MOST = 9;
/** No zoom draws larger points than this. */
const LARGEST = 22;

/** Diameter of a normal cell in CSS pixels. `zoom` is relative to the fitted view. */
export function diameterOf(nCells: number, { width, height }: Size, zoom: number, factor: number): number {
  const room = (width * height) / Math.max(nCells, 1);
  const base = Math.min(Math.max(0.75 * room ** 0.4, LEAST), MOST);
  // Zooming in spreads the cells by the zoom; growing by its root fills some of the space and keeps the islands apart.
  const grown = Math.max(base * Math.max(zoom, 0.25) ** 0.5, 0.8);
  return Math.min(grown, Math.max(LARGEST, base)) * factor;
}

/** Opacity by number: few cells are solid, a million show where they are dense. Zooming in makes them solid again. */
export function opacityOf(nCells: number, zoom: number): number {
  const crowd = Math.min(1, Math.max(0, Math.log10(nCells / 20_000) / 1.7));
  return 0.95 - (0.3 * crowd) / Math.max(1, zoom) ** 0.5;
}

/** Styles of the four layers, see `order.ts`. */
export function layerStyles(diameter: number, opacity: number, ratio: number, faded: Rgb): LayerStyle[] {
  const rim = (pixels: number) => Math.min(0.22, Math.max(0, (pixels - 4) * 0.06));
  const layer = (factor: number, alpha: number, color: Rgb | null): LayerStyle => {
    const pixels = diameter * factor * ratio;
    return { diameter: pixels, opacity: alpha, rim: color ? 0 : rim(pixels), color };
  };
  const strong = Math.min(1, opacity + 0.2);
  return [layer(0.85, strong, faded), layer(0.85, opacity, null), layer(1, opacity, null), layer(1.25, strong, null)];
}

/** The colour of faded cells: just off the background, lighter or darker as there is room. */
export function fadedOn([r, g, b]: Rgb): Rgb {
  const dark = 0.3 * r + 0.59 * g + 0.11 * b < 128;
  const shift = (channel: number) => (dark ? channel + (255 - channel) * 0.11 : channel * 0.895);
  return [Math.round(shift(r)), Math.round(shift(g)), Math.round(shift(b))];
}
