/** The store of sets of cells that views refer to by number, and their form in requests. */
import type { Selection } from '../../api/types';
import { packCells } from '../view/cellListCodec';
import { depthOf, type Joining, type SelectionExpression } from '../view/selectionExpression';
import type { CellsRef, View } from '../view/view';

export class CellStore {
  private readonly lists = new Map<number, Uint32Array>();
  private next = 1;

  /** Add an ascending list of cells with its expression. */
  add(cells: Uint32Array, expression: SelectionExpression | null = null): CellsRef {
    const id = this.next++;
    this.lists.set(id, cells);
    return { id, n: cells.length, expression: shortest(cells, expression) };
  }

  get(ref: CellsRef): Uint32Array {
    const cells = this.lists.get(ref.id);
    if (!cells) throw new RangeError(`no set of cells ${ref.id}`);
    return cells;
  }

  /** Delete the lists that no view refers to. */
  keepOnly(views: Iterable<View>): void {
    const used = new Set<number>();
    for (const view of views) {
      for (const ref of [view.lasso, view.setA, view.setB, view.subset]) if (ref && ref !== 'rest') used.add(ref.id);
    }
    for (const id of this.lists.keys()) if (!used.has(id)) this.lists.delete(id);
  }
}

/** The limit of the length of an expression or an encoded list. */
const MAX_LENGTH = 6000;
/** The length up to which an expression is used without comparing it with the list. */
const SHORT = 500;

/** Return the shorter of an expression and the encoded list; null if both are too long. */
function shortest(cells: Uint32Array, expression: SelectionExpression | null): SelectionExpression | null {
  const size =
    expression && depthOf(expression) < Number.POSITIVE_INFINITY ? JSON.stringify(expression).length : MAX_LENGTH + 1;
  if (size <= SHORT) return expression;
  const packed = packCells(cells, Math.min(size, MAX_LENGTH));
  if (packed !== null) return { cells: packed };
  return size <= MAX_LENGTH ? expression : null;
}

/** Return the cells of a mask; all n without a mask. */
export function cellsOf(mask: Uint8Array | null, n: number): Uint32Array {
  if (!mask) return Uint32Array.from({ length: n }, (_, cell) => cell);
  let size = 0;
  for (let cell = 0; cell < n; cell++) size += mask[cell] ? 1 : 0;
  const cells = new Uint32Array(size);
  for (let cell = 0, at = 0; cell < n; cell++) if (mask[cell]) cells[at++] = cell;
  return cells;
}

/** Join two ascending lists of cells. */
export function combined(first: Uint32Array, second: Uint32Array, join: Joining, n: number): Uint32Array {
  const mask = new Uint8Array(n);
  for (const cell of first) mask[cell] = 1;
  for (const cell of second) mask[cell] = (mask[cell] as number) | 2;
  const wanted = join === 'add' ? [0, 1, 1, 1] : join === 'subtract' ? [0, 1, 0, 0] : [0, 0, 0, 1];
  for (let cell = 0; cell < n; cell++) mask[cell] = wanted[mask[cell] as number] as number;
  return cellsOf(mask, n);
}

/** Return a list of cells in the shorter of the two forms of a request. */
export function selectionOf(cells: Uint32Array): Selection {
  const ranges: [number, number][] = [];
  for (const cell of cells) {
    const last = ranges.at(-1);
    if (last && last[1] === cell) last[1] = cell + 1;
    else ranges.push([cell, cell + 1]);
  }
  return ranges.length * 2 < cells.length ? { ranges } : { indices: [...cells] };
}
