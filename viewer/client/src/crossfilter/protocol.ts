/** What the page and the worker say to each other, and the worker's side of it (without the worker, for tests). */
import { Engine, type FieldCounts, type FieldSpec, type Filter } from './engine';

/** Changes, joined since the last answer. */
export interface Request {
  readonly id: number;
  /** Sent once. */
  readonly n?: number;
  /** Fields to add, or with null to remove. */
  readonly fields: readonly (readonly [string, FieldSpec | null])[];
  readonly filters: readonly (readonly [string, Filter | null])[];
  readonly watch: readonly string[] | null;
  /** The cells that there are for now; null: all. Absent: as before. */
  readonly within?: Uint32Array | null;
}

export type Reply =
  /** The mask, when it may have changed. */
  | {
      readonly type: 'mask';
      readonly id: number;
      readonly mask: Uint8Array<ArrayBuffer> | null;
      readonly passing: number;
    }
  /** A change that could not be made; the others of its request are. */
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  /** The changed counts; the last of a request's replies. */
  | { readonly type: 'done'; readonly id: number; readonly counts: Map<string, FieldCounts> };

/** Answer requests. */
export function createHandler(post: (reply: Reply, transfer: ArrayBuffer[]) => void): (request: Request) => void {
  let engine = new Engine(0);
  return ({ id, n, fields, filters, watch, within }) => {
    const attempt = (change: () => void) => {
      try {
        change();
      } catch (error) {
        post({ type: 'failed', id, message: error instanceof Error ? error.message : String(error) }, []);
      }
    };
    if (n !== undefined) engine = new Engine(n);
    for (const [name, spec] of fields) attempt(() => (spec ? engine.addField(name, spec) : engine.removeField(name)));
    if (within !== undefined) engine.restrict(within);
    for (const [name, filter] of filters) attempt(() => engine.setFilter(name, filter));
    if (filters.length > 0 || fields.length > 0 || within !== undefined) {
      const mask = engine.filtered || engine.restricted ? engine.mask() : null;
      post({ type: 'mask', id, mask, passing: engine.passing }, mask ? [mask.buffer] : []);
    }
    if (watch) engine.watch(watch);
    post({ type: 'done', id, counts: engine.takeCounts() }, []);
  };
}
