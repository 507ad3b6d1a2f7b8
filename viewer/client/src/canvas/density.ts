/** Lines of equal density: the cells counted on a grid, smoothed, and marching squares. Pure. */
import { boundsOf } from './camera';

/** Squares along the longer side. */
const SIDE = 160;
/** Cells, drawn regularly, that the density is taken from. */
const SAMPLE = 1_000_000;
/** Radius of the smoothing in squares; three box filters of it are nearly a Gaussian. */
const RADIUS = 2;

export interface Contour {
  /** Share of the cells outside the line. */
  readonly level: number;
  /** Line pieces in data units, [x0, y0, x1, y1, ...], four numbers each. */
  readonly segments: Float32Array;
}

/**
 * Lines that hold given shares of the cells where they are densest.
 *
 * @param mask - cells that count, 0 for those that do not; null: all
 * @param shares - from 0 to 1: 0.5 is the line around the densest half
 */
export function contours(
  x: Float32Array,
  y: Float32Array,
  mask: Uint8Array | null,
  shares: readonly number[],
): Contour[] {
  const box = boundsOf(x, y);
  if (!box) return [];
  const span = Math.max(box.x1 - box.x0, box.y1 - box.y0) || 1;
  const unit = span / SIDE;
  const margin = 3 * RADIUS + 1;
  const columns = Math.ceil((box.x1 - box.x0) / unit) + 2 * margin + 1;
  const rows = Math.ceil((box.y1 - box.y0) / unit) + 2 * margin + 1;
  let grid: Float32Array = new Float32Array(columns * rows);
  const step = Math.max(1, Math.floor(x.length / SAMPLE));
  let n = 0;
  for (let i = 0; i < x.length; i += step) {
    const px = x[i] as number;
    const py = y[i] as number;
    if (px - px + (py - py) !== 0 || (mask && !mask[i])) continue;
    const at = (Math.floor((py - box.y0) / unit) + margin) * columns + Math.floor((px - box.x0) / unit) + margin;
    grid[at] = (grid[at] as number) + 1;
    n++;
  }
  if (n === 0) return [];
  for (let pass = 0; pass < 3; pass++) grid = blurred(blurred(grid, columns, rows, 1), rows, columns, columns);
  const levels = levelsOf(grid, shares);
  // A square's value is that of its middle.
  const place = (column: number, row: number): [number, number] => [
    box.x0 + (column - margin + 0.5) * unit,
    box.y0 + (row - margin + 0.5) * unit,
  ];
  return levels.map((threshold, k) => ({
    level: 1 - (shares[k] as number),
    segments: march(grid, columns, rows, threshold, place),
  }));
}

/** A box filter along lines of `length` values, `stride` apart; there are `count` lines. */
function blurred(grid: Float32Array, length: number, count: number, stride: number): Float32Array {
  const smooth = new Float32Array(grid.length);
  for (let line = 0; line < count; line++) {
    const start = stride === 1 ? line * length : line;
    let sum = 0;
    for (let k = -RADIUS; k < length; k++) {
      const enters = k + RADIUS;
      const leaves = k - RADIUS - 1;
      if (enters < length) sum += grid[start + enters * stride] as number;
      if (leaves >= 0) sum -= grid[start + leaves * stride] as number;
      if (k >= 0) smooth[start + k * stride] = sum / (2 * RADIUS + 1);
    }
  }
  return smooth;
}

/** The density above which each share of all cells lies. */
function levelsOf(grid: Float32Array, shares: readonly number[]): number[] {
  const sorted = grid.slice().sort().reverse();
  let total = 0;
  for (const value of sorted) total += value;
  return shares.map((share) => {
    let sum = 0;
    for (const value of sorted) {
      sum += value;
      if (sum >= share * total) return value;
    }
    return 0;
  });
}

/** For each pattern of corners above the level the edges (0 bottom, 1 right, 2 top, 3 left) a line runs between. */
const PATTERNS: readonly (readonly number[])[] = [
  [],
  [3, 0],
  [0, 1],
  [3, 1],
  [1, 2],
  [3, 2, 0, 1],
  [0, 2],
  [3, 2],
  [2, 3],
  [2, 0],
  [0, 3, 1, 2],
  [2, 1],
  [1, 3],
  [1, 0],
  [0, 3],
  [],
];

function march(
  grid: Float32Array,
  columns: number,
  rows: number,
  threshold: number,
  place: (column: number, row: number) => [number, number],
): Float32Array {
  const found: number[] = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const at = row * columns + column;
      const [a, b, c, d] = [grid[at], grid[at + 1], grid[at + columns + 1], grid[at + columns]] as [
        number,
        number,
        number,
        number,
      ];
      const pattern =
        (a > threshold ? 1 : 0) | (b > threshold ? 2 : 0) | (c > threshold ? 4 : 0) | (d > threshold ? 8 : 0);
      for (const edge of PATTERNS[pattern] as readonly number[]) {
        const share = (from: number, to: number) => (threshold - from) / (to - from);
        if (edge === 0) found.push(...place(column + share(a, b), row));
        else if (edge === 1) found.push(...place(column + 1, row + share(b, c)));
        else if (edge === 2) found.push(...place(column + share(d, c), row + 1));
        else found.push(...place(column, row + share(a, d)));
      }
    }
  }
  return Float32Array.from(found);
}
