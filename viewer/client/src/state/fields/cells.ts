/** Lists of cells that views refer to by number, and how they are written in a request. */
import type { Selection } from '../../api/types';
import { packCells } from '../view/cellListCodec';
import { depthOf, type Joining, type SelectionExpression } from '../view/selectionExpression';
import type { CellsRef, View } from '../view/view';

export class CellStore {
  private readonly lists = new Map<number, Uint32Array>();
  private next = 1;

  /** Keep an ascending list of cells, with the way it was made. */
  add(cells: Uint32Array, expression: SelectionExpression | null = null): CellsRef {
    const id = this.next++;
    this.lists.set(id, cells);
    return { id, n: cells.length, expression: shortest(cells, expression) };
  }

  get(ref: CellsRef): Uint32Array {
    const cells = this.lists.get(ref.id);
    if (!cells) throw new RangeError(`no cells kept under ${ref.id}`);
    return cells;
  }

  /** Give up every list that no view can bring back. */
  keepOnly(views: Iterable<View>): void {
    const used = new Set<number>();
    for (const view of views) {
      for (const ref of [view.lasso, view.setA, view.setB, view.subset]) if (ref && ref !== 'rest') used.add(ref.id);
    }
    for (const id of this.lists.keys()) if (!used.has(id)) this.lists.delete(id);
  }
}

/** A expression longer than this is not kept, and no list. */
const LONGEST = 6000;
/** From here on a expression may be longer than its list. */
const LONG = 500;

/** The shorter of a expression and the bare list; null where both are too long. */
function shortest(cells: Uint32Array, expression: SelectionExpression | null): SelectionExpression | null {
  const size =
    expression && depthOf(expression) < Number.POSITIVE_INFINITY ? JSON.stringify(expression).length : LONGEST + 1;
  if (size <= LONG) return expression;
  const packed = packCells(cells, Math.min(size, LONGEST));
  if (packed !== null) return { cells: packed };
  return size <= LONGEST ? expression : null;
}

/** The cells a mask lets through; all n where there is none. */
export function cellsOf(mask: Uint8Array | null, n: number): Uint32Array {
  if (!mask) return Uint32Array.from({ length: n }, (_, cell) => cell);
  let size = 0;
  for (let cell = 0; cell < n; cell++) size += mask[cell] ? 1 : 0;
  const cells = new Uint32Array(size);
  for (let cell = 0, at = 0; cell < n; cell++) if (mask[cell]) cells[at++] = cell;
  return cells;
}

/** Two ascending lists of n cells at most as one. */
export function combined(first: Uint32Array, second: Uint32Array, join: Joining, n: number): Uint32Array {
  const mask = new Uint8Array(n);
  for (const cell of first) mask[cell] = 1;
  for (const cell of second) mask[cell] = (mask[cell] as number) | 2;
  const wanted = join === 'add' ? [0, 1, 1, 1] : join === 'subtract' ? [0, 1, 0, 0] : [0, 0, 0, 1];
  for (let cell = 0; cell < n; cell++) mask[cell] = wanted[mask[cell] as number] as number;
  return cellsOf(mask, n);
}

/** The shorter of the two ways to name cells in a request. */
export function selectionOf(cells: Uint32Array): Selection {
  const ranges: [number, number][] = [];
  for (const cell of cells) {
    const last = ranges.at(-1);
    if (last && last[1] === cell) last[1] = cell + 1;
    else ranges.push([cell, cell + 1]);
  }
  return ranges.length * 2 < cells.length ? { ranges } : { indices: [...cells] };
}
