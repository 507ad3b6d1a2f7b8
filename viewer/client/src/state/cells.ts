/** Lists of cells that views refer to by number, and how they are written in a request. */
import type { Selection } from '../api/types';
import type { CellsRef, View } from './view';

export class CellStore {
  private readonly lists = new Map<number, Uint32Array>();
  private next = 1;

  /** Keep an ascending list of cells. */
  add(cells: Uint32Array): CellsRef {
    const id = this.next++;
    this.lists.set(id, cells);
    return { id, n: cells.length };
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
      for (const ref of [view.lasso, view.setA, view.setB]) if (ref && ref !== 'rest') used.add(ref.id);
    }
    for (const id of this.lists.keys()) if (!used.has(id)) this.lists.delete(id);
  }
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

/** Two ascending lists as one; with `subtract`, the first without the second. */
export function joined(first: Uint32Array, second: Uint32Array, subtract: boolean): Uint32Array {
  const others = new Set(second);
  const kept = first.filter((cell) => !others.has(cell));
  if (subtract) return kept;
  const all = new Uint32Array(kept.length + second.length);
  all.set(kept);
  all.set(second, kept.length);
  return all.sort();
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
