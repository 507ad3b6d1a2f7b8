/** Cells by two fields of numbers: above or not above a threshold of each. */
import type { NumberArray } from '../wire/columns';

/** Values of a field, and which of them are missing. */
export interface Values {
  readonly values: NumberArray;
  readonly missing: Uint8Array | null;
}

/** Bits of a quadrant: 1 if the first field is above its threshold, 2 if the second one is. */
export type Quadrant = 0 | 1 | 2 | 3;

/** A cell of which a value is missing. */
const NONE = 255;

/** Return the lowest and the highest value; 0 and 0 without any. */
export function extentOf({ values, missing }: Values): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let cell = 0; cell < values.length; cell++) {
    const value = values[cell] as number;
    if (!Number.isFinite(value) || missing?.[cell]) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 0];
}

/** Return the quadrant of each cell; 255 for a cell without one of the values. */
export function quadrantsOf(a: Values, b: Values, thresholds: readonly [number, number]): Uint8Array {
  const found = new Uint8Array(a.values.length).fill(NONE);
  for (let cell = 0; cell < found.length; cell++) {
    const [x, y] = [a.values[cell] as number, b.values[cell] as number];
    if (Number.isNaN(x) || Number.isNaN(y) || a.missing?.[cell] || b.missing?.[cell]) continue;
    found[cell] = (x > thresholds[0] ? 1 : 0) | (y > thresholds[1] ? 2 : 0);
  }
  return found;
}

/** Count the cells of a mask (null: all) in each quadrant. */
export function countsOf(quadrants: Uint8Array, mask: Uint8Array | null): [number, number, number, number] {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  for (let cell = 0; cell < quadrants.length; cell++) {
    const quadrant = quadrants[cell] as number;
    if (quadrant !== NONE && (!mask || mask[cell])) counts[quadrant as Quadrant]++;
  }
  return counts;
}

/** Return the cells of a quadrant that are in a mask (null: all). */
export function cellsIn(quadrants: Uint8Array, quadrant: Quadrant, mask: Uint8Array | null): Uint32Array {
  const cells: number[] = [];
  for (let cell = 0; cell < quadrants.length; cell++) {
    if (quadrants[cell] === quadrant && (!mask || mask[cell])) cells.push(cell);
  }
  return Uint32Array.from(cells);
}
