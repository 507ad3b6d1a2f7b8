/** The places of the categories on the plot, for their names. */
import { boundsOf } from './camera';
import { AT_ONCE } from './steps';

/** The place of one category in data units. */
export interface Anchor {
  /** The category's code. */
  readonly code: number;
  readonly x: number;
  readonly y: number;
  /** Cells of the category that are drawn. */
  readonly n: number;
}

const SIDE = 48;
/** Squares to each side that count as the neighbourhood of a square. */
const NEAR = 3;
const STEPS = 4;

/**
 * Find the densest place of each category (a centroid would lie between the islands of a split category), moved to the
 * middle of its island, in steps. Categories without a drawable cell are left out.
 *
 * @param codes - one per cell; codes outside 0..size-1 (missing) count nowhere
 * @param mask - cells that count, 0 for those that do not; null: all
 */
export function* anchorSteps(
  x: Float32Array,
  y: Float32Array,
  codes: ArrayLike<number>,
  size: number,
  mask: Uint8Array | null,
): Generator<undefined, Anchor[]> {
  const box = boundsOf(x, y);
  if (!box || size === 0) return [];
  const perX = SIDE / (box.x1 - box.x0 || 1);
  const perY = SIDE / (box.y1 - box.y0 || 1);
  const place = (at: number) => (at >= SIDE ? SIDE - 1 : at);
  const counts = new Uint32Array(size * SIDE * SIDE);
  const totals = new Uint32Array(size);
  const look = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const code = codes[i] as number;
      const px = x[i] as number;
      const py = y[i] as number;
      if (!(code >= 0 && code < size) || mask?.[i] === 0 || px - px + (py - py) !== 0) continue;
      const column = place(Math.floor((px - box.x0) * perX));
      const row = place(Math.floor((py - box.y0) * perY));
      const at = (code * SIDE + row) * SIDE + column;
      counts[at] = (counts[at] as number) + 1;
      totals[code] = (totals[code] as number) + 1;
    }
  };
  for (let from = 0; from < x.length; from += AT_ONCE) {
    yield;
    look(from, Math.min(x.length, from + AT_ONCE));
  }
  yield;
  const found: Anchor[] = [];
  for (let code = 0; code < size; code++) {
    const n = totals[code] as number;
    if (n === 0) continue;
    const [column, row] = settle(counts.subarray(code * SIDE * SIDE, (code + 1) * SIDE * SIDE));
    found.push({ code, x: box.x0 + (column + 0.5) / perX, y: box.y0 + (row + 0.5) / perY, n });
  }
  return found;
}

/** From the fullest neighbourhood uphill to the mean of what is near: column and row, in squares. */
function settle(squares: Uint32Array): [number, number] {
  let best = 0;
  let column = 0;
  let row = 0;
  for (let r = 0; r < SIDE; r++) {
    for (let c = 0; c < SIDE; c++) {
      if (squares[r * SIDE + c] === 0) continue;
      const sum = mean(squares, c, r, 1).weight;
      if (sum > best) {
        best = sum;
        column = c;
        row = r;
      }
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const next = mean(squares, Math.round(column), Math.round(row), NEAR);
    column = next.column;
    row = next.row;
  }
  return [column, row];
}

function mean(squares: Uint32Array, column: number, row: number, near: number) {
  let weight = 0;
  let sumColumn = 0;
  let sumRow = 0;
  for (let r = Math.max(0, row - near); r <= Math.min(SIDE - 1, row + near); r++) {
    for (let c = Math.max(0, column - near); c <= Math.min(SIDE - 1, column + near); c++) {
      const count = squares[r * SIDE + c] as number;
      weight += count;
      sumColumn += count * c;
      sumRow += count * r;
    }
  }
  return { weight, column: sumColumn / weight, row: sumRow / weight };
}
