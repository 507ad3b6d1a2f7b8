/** An index of the cells by place, for the nearest one to the pointer. */
import { type Box, boundsOf } from './camera';
import { inPieces, whole } from './steps';

export interface Grid {
  /** The nearest accepted cell within a distance (data units); -1 for none. */
  nearest(x: number, y: number, reach: number, accept: (cell: number) => boolean): number;
}

/** Cells a square on average: few enough to search, many enough to keep the table small. */
const PER_SQUARE = 4;
const MOST_SQUARES = 512;

/** Build the index. Cells without finite coordinates are not in it. */
export function buildGrid(x: Float32Array, y: Float32Array): Grid {
  return whole(gridSteps(x, y, boundsOf(x, y)));
}

/** The same in steps, with the box of the cells. */
export function* gridSteps(x: Float32Array, y: Float32Array, box: Box | null): Generator<undefined, Grid> {
  if (!box) return { nearest: () => -1 };
  const side = Math.max(1, Math.min(MOST_SQUARES, Math.ceil(Math.sqrt(x.length / PER_SQUARE))));
  const perX = side / (box.x1 - box.x0 || 1);
  const perY = side / (box.y1 - box.y0 || 1);
  const clamp = (k: number) => (k < 0 ? 0 : k >= side ? side - 1 : k);
  const column = (px: number) => clamp(Math.floor((px - box.x0) * perX));
  const row = (py: number) => clamp(Math.floor((py - box.y0) * perY));

  const starts = new Uint32Array(side * side + 1);
  const squares = new Uint32Array(x.length).fill(side * side);
  let drawable = 0;
  const count = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const px = x[i] as number;
      const py = y[i] as number;
      if (px - px + (py - py) !== 0) continue;
      const square = row(py) * side + column(px);
      squares[i] = square;
      starts[square + 1] = (starts[square + 1] as number) + 1;
      drawable++;
    }
  };
  yield* inPieces(x.length, count);
  for (let square = 0; square < side * side; square++) {
    starts[square + 1] = (starts[square + 1] as number) + (starts[square] as number);
  }
  const cells = new Uint32Array(drawable);
  const next = starts.slice();
  const sort = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const square = squares[i] as number;
      if (square === side * side) continue;
      const at = next[square] as number;
      cells[at] = i;
      next[square] = at + 1;
    }
  };
  yield;
  yield* inPieces(x.length, sort);

  return {
    nearest(qx, qy, reach, accept) {
      if (qx + reach < box.x0 || qx - reach > box.x1 || qy + reach < box.y0 || qy - reach > box.y1) return -1;
      let best = -1;
      let least = reach * reach;
      const left = column(qx - reach);
      const right = column(qx + reach);
      const top = row(qy + reach);
      for (let r = row(qy - reach); r <= top; r++) {
        // The squares of a row lie one after the other, and so do their cells.
        const end = starts[r * side + right + 1] as number;
        for (let at = starts[r * side + left] as number; at < end; at++) {
          const i = cells[at] as number;
          const dx = (x[i] as number) - qx;
          const dy = (y[i] as number) - qy;
          const distance = dx * dx + dy * dy;
          if (distance <= least && accept(i)) {
            least = distance;
            best = i;
          }
        }
      }
      return best;
    },
  };
}
