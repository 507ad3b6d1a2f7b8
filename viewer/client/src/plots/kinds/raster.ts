/** Small pictures of an embedding, drawn into an array of pixels. */
import { quantise } from '../../color/codes';

/** A gene in every cell, as codes of a colour map. */
export interface GridPanel {
  readonly gene: string;
  readonly matrix: string;
  readonly codes: Uint8Array;
  readonly zero: boolean;
  readonly domain: readonly [number, number];
  /** The cells that the scale is of; null: all. */
  readonly mask: Uint8Array | null;
}

/** Where no cell is. */
export const NONE = -2;
/** A cell that does not pass. */
const FADED = -1;
/** Share of the side left free around the cells. */
const MARGIN = 0.04;

/**
 * The highest code on each pixel of a square, row by row from the top: high values lie on top, cells that do not pass below.
 *
 * @param codes - of each cell, see `quantise`
 * @param mask - which cells pass; null: all
 * @param side - pixels of the square
 */
export function rasterised(
  x: Float32Array,
  y: Float32Array,
  codes: Uint8Array,
  mask: Uint8Array | null,
  side: number,
): Int16Array {
  const pixels = new Int16Array(side * side).fill(NONE);
  const [x0, x1] = extent(x);
  const [y0, y1] = extent(y);
  const inner = side * (1 - 2 * MARGIN);
  const scale = inner / (Math.max(x1 - x0, y1 - y0) || 1);
  const left = (side - (x1 - x0) * scale) / 2;
  const top = (side - (y1 - y0) * scale) / 2;
  const radius = x.length > 20_000 ? 0 : x.length > 2000 ? 1 : 2;
  for (let cell = 0; cell < x.length; cell++) {
    const column = Math.floor(left + ((x[cell] as number) - x0) * scale);
    const row = Math.floor(top + (y1 - (y[cell] as number)) * scale);
    if (!(column >= 0 && column < side && row >= 0 && row < side)) continue;
    const level = mask && !mask[cell] ? FADED : (codes[cell] as number);
    for (let r = Math.max(0, row - radius); r <= Math.min(side - 1, row + radius); r++) {
      for (let c = Math.max(0, column - radius); c <= Math.min(side - 1, column + radius); c++) {
        if (level > (pixels[r * side + c] as number)) pixels[r * side + c] = level;
      }
    }
  }
  return pixels;
}

function extent(values: Float32Array): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value - value !== 0) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

export function panelOf(
  gene: string,
  matrix: string,
  values: ArrayLike<number>,
  mask: Uint8Array | null = null,
): GridPanel {
  const numbers = Float32Array.from(values);
  if (mask) for (let cell = 0; cell < numbers.length; cell++) if (!mask[cell]) numbers[cell] = Number.NaN;
  const zero = numbers.every((value) => !(value < 0));
  const { codes, domain } = quantise(numbers, { zero, clip: [0, 99.5] });
  return { gene, matrix, codes, zero, domain, mask };
}
