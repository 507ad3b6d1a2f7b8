/**
 * The page's side of the crossfilter: the work is done in a Web Worker, changes that come while it works are joined,
 * and only the newest state is answered.
 */
import type { NumberArray } from '../wire/columns';
import type { FieldCounts, FieldSpec, Filter } from './engine';
import type { Reply, Request } from './protocol';

export type { FieldCounts, FieldSpec, Filter } from './engine';

export interface CrossfilterResult {
  /** 1 for a cell that passes every filter: fit for `Scatter.setMask`. Null where no filter is set (all cells pass). */
  readonly mask: Uint8Array | null;
  /** Cells that pass. */
  readonly passing: number;
}

export interface CrossfilterHandlers {
  /** A new mask. */
  onMask?: (result: CrossfilterResult) => void;
  /** New counts of watched fields, after the mask they belong to. Only fields that changed are in it. */
  onCounts?: (counts: ReadonlyMap<string, FieldCounts>) => void;
  onError?: (error: Error) => void;
}

export interface Crossfilter {
  /** Add or replace a field. Its arrays are copied. A filter on it stays. */
  addField(name: string, spec: FieldSpec): void;
  /** Remove a field and its filter. */
  removeField(name: string): void;
  /**
   * Set (or with null clear) the filter of a name. Category and range filters work on the field of that name (and wait for
   * it where it is not there yet); a `cells` filter needs none (a lasso: any name of its own).
   */
  setFilter(name: string, filter: Filter | null): void;
  clearFilters(): void;
  /** Go on as though there were these cells alone; null: all. */
  restrict(cells: ArrayLike<number> | null): void;
  /** Fields whose counts are wanted, normally those on screen; others cost nothing. */
  watch(names: Iterable<string>): void;
  /** Resolves when everything asked for so far is answered. */
  settled(): Promise<void>;
  dispose(): void;
}

/** The part of a Worker that is used. */
export type WorkerLike = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>;

/** Start a crossfilter over n cells. `makeWorker` is for tests. */
export function createCrossfilter(
  n: number,
  handlers: CrossfilterHandlers,
  makeWorker: () => WorkerLike = () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }),
): Crossfilter {
  const worker = makeWorker();
  const fields = new Map<string, FieldSpec | null>();
  const filters = new Map<string, Filter | null>();
  const filtered = new Set<string>();
  let watched: readonly string[] | null = null;
  let within: Uint32Array | null | undefined;
  let transfer: ArrayBuffer[] = [];
  let id = 0;
  let busy = false;
  let scheduled = false;
  let disposed = false;
  let waiting: (() => void)[] = [];

  worker.onmessage = (event: MessageEvent<Reply>) => {
    const reply = event.data;
    if (disposed) return;
    if (reply.type === 'mask') {
      // A newer filter is on its way, but a brush that moves must be seen to move: answers are shown as they come.
      handlers.onMask?.({ mask: reply.mask, passing: reply.passing });
      return;
    }
    if (reply.type === 'failed') {
      handlers.onError?.(new Error(reply.message));
      return;
    }
    if (reply.counts.size > 0) handlers.onCounts?.(reply.counts);
    busy = false;
    send();
  };
  worker.onerror = (event) => {
    busy = false;
    handlers.onError?.(new Error(event.message || 'The filters stopped working: reload the page.'));
    send();
  };

  function schedule(): void {
    if (scheduled || disposed) return;
    scheduled = true;
    // Calls of one rotation are one request.
    queueMicrotask(() => {
      scheduled = false;
      if (!busy) send();
    });
  }

  function send(): void {
    if (disposed) return;
    if (fields.size === 0 && filters.size === 0 && watched === null && within === undefined) {
      const done = waiting;
      waiting = [];
      for (const resolve of done) resolve();
      return;
    }
    const request: Request = {
      id,
      ...(id === 0 ? { n } : {}),
      fields: [...fields],
      filters: [...filters],
      watch: watched,
      ...(within === undefined ? {} : { within }),
    };
    id++;
    busy = true;
    const moved = transfer;
    fields.clear();
    filters.clear();
    watched = null;
    within = undefined;
    transfer = [];
    worker.postMessage(request, moved);
  }

  /** A copy of the array alone: a view would take the whole answer it lies in along. */
  function own<T extends NumberArray>(array: T): T {
    const copy = array.slice() as T;
    transfer.push(copy.buffer as ArrayBuffer);
    return copy;
  }

  return {
    addField(name, spec) {
      fields.set(
        name,
        spec.kind === 'category'
          ? { ...spec, codes: own(spec.codes) }
          : { ...spec, values: own(spec.values), missing: spec.missing ? own(spec.missing) : null },
      );
      schedule();
    },
    removeField(name) {
      fields.set(name, null);
      filters.delete(name);
      filtered.delete(name);
      schedule();
    },
    setFilter(name, filter) {
      if (filter) filtered.add(name);
      else filtered.delete(name);
      filters.set(name, filter && plain(filter));
      schedule();
    },
    clearFilters() {
      for (const name of filtered) filters.set(name, null);
      filtered.clear();
      schedule();
    },
    restrict(cells) {
      within = cells && Uint32Array.from(cells);
      schedule();
    },
    watch(names) {
      watched = [...names];
      schedule();
    },
    settled() {
      return new Promise((resolve) => {
        waiting.push(resolve);
        schedule();
      });
    },
    dispose() {
      disposed = true;
      worker.terminate();
      for (const resolve of waiting) resolve();
      waiting = [];
    },
  };
}

/** A filter a message can carry, and that later changes of its arrays do not change. */
function plain(filter: Filter): Filter {
  if (filter.kind === 'category') return { ...filter, allowed: [...filter.allowed] };
  if (filter.kind === 'cells') return { ...filter, cells: Uint32Array.from(filter.cells) };
  return filter;
}
