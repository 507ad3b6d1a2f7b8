/**
 * The crossfilter itself, without a worker: which cells pass all filters, and counts per field without its own filter.
 *
 * Each cell has the number of filters it fails, and each filter a byte per cell. A cell passes with 0 failures, and counts
 * for a field with no failure but the field's own. When a filter changes, only the cells that changed sides are counted
 * anew, so moving a brush costs one pass over its column and little else.
 */

import type { NumberArray } from '../wire/columns';
import { histogram } from './bins';

/** A field to filter and to count. */
export type FieldSpec =
  | {
      readonly kind: 'category';
      /** One per cell; anything outside 0..size-1 is missing. */
      readonly codes: NumberArray;
      /** Number of categories. */
      readonly size: number;
    }
  | {
      readonly kind: 'range';
      /** One per cell; NaN and infinity are missing. */
      readonly values: NumberArray;
      /** 1 where the value is missing. */
      readonly missing?: Uint8Array | null;
      /** Bins of its histogram; 50 by default. */
      readonly bins?: number;
      /** The part that is binned; values beyond count in the bins at its ends. */
      readonly domain?: readonly [number, number] | null;
      /** Bins of equal width on a logarithmic scale. */
      readonly log?: boolean;
    };

export type Filter =
  | {
      readonly kind: 'category';
      /** Codes that pass. */
      readonly allowed: Iterable<number>;
      /** Whether cells without a category pass. */
      readonly missing: boolean;
    }
  | {
      readonly kind: 'range';
      /** Bounds, both within. */
      readonly min: number;
      readonly max: number;
      /** Whether cells without a value pass. */
      readonly missing: boolean;
    }
  | {
      readonly kind: 'cells';
      /** Cells that pass. */
      readonly cells: ArrayLike<number>;
    };

/** Counts of one field. Every count of passing cells leaves out the field's own filter. */
export interface FieldCounts {
  /** Cells per category or bin, of all cells. */
  readonly total: Uint32Array;
  /** Cells per category or bin that pass all filters but this field's own. */
  readonly passing: Uint32Array;
  readonly missingTotal: number;
  readonly missingPassing: number;
  /** Bin edges (one more than bins) of a range field; null of a category field, and where there is no value. */
  readonly edges: Float64Array | null;
  /** Least and greatest value of a range field, also where its bins are of a part. */
  readonly extent: readonly [number, number] | null;
}

const DEFAULT_BINS = 50;
/** What stands for the failures of a cell that there is not for now. */
const ABSENT = 255;
/** A failure count is a byte. */
const MOST_FILTERS = ABSENT - 1;

interface Field {
  readonly spec: FieldSpec;
  /** Category or bin of each cell; `size` is missing. */
  readonly bins: Uint8Array | Uint16Array | Uint32Array;
  readonly size: number;
  readonly edges: Float64Array | null;
  readonly extent: readonly [number, number] | null;
  readonly total: Uint32Array;
}

interface Active {
  readonly filter: Filter;
  /** 1 where the cell fails. */
  readonly fails: Uint8Array;
}

export class Engine {
  readonly n: number;
  /** Cells that pass every filter. */
  passing: number;
  readonly #fields = new Map<string, Field>();
  /** Filters as asked for, also those whose field is not there (yet). */
  readonly #wanted = new Map<string, Filter>();
  readonly #active = new Map<string, Active>();
  readonly #failures: Uint8Array;
  /** 1 for the cells that there are for now; null: all. */
  #inside: Uint8Array | null = null;
  /** Passing counts of the watched fields, missing last. */
  readonly #counts = new Map<string, Uint32Array>();
  /** Watched fields whose counts changed since `takeCounts`. */
  readonly #dirty = new Set<string>();

  /** Room for the cells that change sides, kept: a brush that moves would ask for it again and again. */
  #lost: Uint32Array | null = null;
  #won: Uint32Array | null = null;

  constructor(n: number) {
    this.n = n;
    this.passing = n;
    this.#failures = new Uint8Array(n);
  }

  /** Whether any filter is at work. */
  get filtered(): boolean {
    return this.#active.size > 0;
  }

  /** Whether there are but some of the cells for now. */
  get restricted(): boolean {
    return this.#inside !== null;
  }

  /** Go on as though there were these cells alone; null: all. Counts are of them, totals too. */
  restrict(cells: ArrayLike<number> | null): void {
    const inside = cells && new Uint8Array(this.n);
    if (cells && inside) for (let k = 0; k < cells.length; k++) inside[cells[k] as number] = 1;
    this.#inside = inside;
    const failures = this.#failures.fill(0);
    for (const { fails } of this.#active.values()) {
      for (let i = 0; i < failures.length; i++) failures[i] = (failures[i] as number) + (fails[i] as number);
    }
    this.passing = 0;
    for (let i = 0; i < failures.length; i++) {
      if (inside?.[i] === 0) failures[i] = ABSENT;
      else if (failures[i] === 0) this.passing++;
    }
    for (const [name, field] of this.#fields) {
      this.#fields.set(name, { ...field, total: totals(field.bins, field.size, inside) });
    }
    for (const name of this.#counts.keys()) this.#recount(name);
  }

  addField(name: string, spec: FieldSpec): void {
    const length = spec.kind === 'category' ? spec.codes.length : spec.values.length;
    if (length !== this.n) throw new RangeError(`Field "${name}" has ${length} cells, not ${this.n}`);
    this.#fields.set(name, makeField(spec, this.#inside));
    const filter = this.#wanted.get(name);
    if (filter) this.#apply(name, filter);
    if (this.#counts.has(name)) this.#recount(name);
  }

  removeField(name: string): void {
    this.setFilter(name, null);
    this.#fields.delete(name);
    if (this.#counts.has(name)) this.#counts.set(name, new Uint32Array(0));
    this.#dirty.delete(name);
  }

  /** Set or, with null, clear a filter. A filter whose field is absent or of another kind waits for its field. */
  setFilter(name: string, filter: Filter | null): void {
    this.#apply(name, filter);
    if (filter) this.#wanted.set(name, filter);
    else this.#wanted.delete(name);
  }

  /** Keep counts of these fields up to date, and of no others. */
  watch(names: Iterable<string>): void {
    const wanted = new Set(names);
    for (const name of this.#counts.keys()) {
      if (wanted.has(name)) continue;
      this.#counts.delete(name);
      this.#dirty.delete(name);
    }
    for (const name of wanted) if (!this.#counts.has(name)) this.#recount(name);
  }

  /** 1 for a cell that passes every filter; a new array. */
  mask(): Uint8Array<ArrayBuffer> {
    const mask = new Uint8Array(this.n);
    for (let i = 0; i < mask.length; i++) mask[i] = this.#failures[i] === 0 ? 1 : 0;
    return mask;
  }

  /** Counts of the watched fields that changed since the last call; new arrays. */
  takeCounts(): Map<string, FieldCounts> {
    const taken = new Map<string, FieldCounts>();
    for (const name of this.#dirty) {
      const field = this.#fields.get(name);
      const counts = this.#counts.get(name);
      if (!field || !counts) continue;
      taken.set(name, {
        total: field.total.slice(0, field.size),
        passing: counts.slice(0, field.size),
        missingTotal: field.total[field.size] as number,
        missingPassing: counts[field.size] as number,
        edges: field.edges ? field.edges.slice() : null,
        extent: field.extent,
      });
    }
    this.#dirty.clear();
    return taken;
  }

  #apply(name: string, filter: Filter | null): void {
    const before = this.#active.get(name)?.fails ?? null;
    const fails = filter ? this.#failing(name, filter) : null;
    if (!before && !fails) return;
    if (filter && fails) {
      if (!before && this.#active.size >= MOST_FILTERS) {
        throw new RangeError(`More than ${MOST_FILTERS} filters at once: clear some`);
      }
      this.#active.set(name, { filter, fails });
    } else this.#active.delete(name);

    // The cells that changed sides.
    this.#lost ??= new Uint32Array(this.n);
    this.#won ??= new Uint32Array(this.n);
    const lost = this.#lost;
    const won = this.#won;
    let nLost = 0;
    let nWon = 0;
    const failures = this.#failures;
    for (let i = 0; i < failures.length; i++) {
      const was = before ? (before[i] as number) : 0;
      const is = fails ? (fails[i] as number) : 0;
      if (was === is || failures[i] === ABSENT) continue;
      const count = (failures[i] as number) + is - was;
      failures[i] = count;
      if (is === 1) {
        lost[nLost++] = i;
        if (count === 1) this.passing--;
      } else {
        won[nWon++] = i;
        if (count === 0) this.passing++;
      }
    }
    if (nLost + nWon === 0) return;
    for (const other of this.#counts.keys()) {
      if (other !== name) this.#recountChanged(other, lost.subarray(0, nLost), won.subarray(0, nWon));
    }
  }

  /** 1 where a filter fails; null where its field is absent or of another kind. */
  #failing(name: string, filter: Filter): Uint8Array | null {
    const fails = new Uint8Array(this.n);
    if (filter.kind === 'cells') {
      fails.fill(1);
      for (let k = 0; k < filter.cells.length; k++) fails[filter.cells[k] as number] = 0;
      return fails;
    }
    const field = this.#fields.get(name);
    if (!field || field.spec.kind !== filter.kind) return null;
    const { bins, size, spec } = field;
    if (filter.kind === 'category') {
      const failing = new Uint8Array(size + 1).fill(1);
      for (const code of filter.allowed) if (code >= 0 && code < size) failing[code] = 0;
      failing[size] = filter.missing ? 0 : 1;
      for (let i = 0; i < fails.length; i++) fails[i] = failing[bins[i] as number] as number;
    } else if (spec.kind === 'range') {
      const { min, max } = filter;
      const failing = filter.missing ? 0 : 1;
      const values = spec.values;
      for (let i = 0; i < fails.length; i++) {
        const value = values[i] as number;
        fails[i] = bins[i] === size ? failing : value >= min && value <= max ? 0 : 1;
      }
    }
    return fails;
  }

  #recount(name: string): void {
    const field = this.#fields.get(name);
    const counts = new Uint32Array(field ? field.size + 1 : 0);
    this.#counts.set(name, counts);
    if (!field) return;
    const own = this.#active.get(name)?.fails;
    const { bins } = field;
    const failures = this.#failures;
    if (!this.filtered) counts.set(field.total);
    else if (own) {
      for (let i = 0; i < failures.length; i++) {
        if (failures[i] === own[i]) counts[bins[i] as number] = (counts[bins[i] as number] as number) + 1;
      }
    } else {
      for (let i = 0; i < failures.length; i++) {
        if (failures[i] === 0) counts[bins[i] as number] = (counts[bins[i] as number] as number) + 1;
      }
    }
    this.#dirty.add(name);
  }

  /** Bring a field's counts up to date with cells that now fail (or no longer fail) another field's filter. */
  #recountChanged(name: string, lost: Uint32Array, won: Uint32Array): void {
    const field = this.#fields.get(name);
    const counts = this.#counts.get(name);
    if (!field || !counts) return;
    const own = this.#active.get(name)?.fails;
    const { bins } = field;
    const failures = this.#failures;
    let changed = false;
    for (let k = 0; k < lost.length; k++) {
      const i = lost[k] as number;
      if ((failures[i] as number) - (own ? (own[i] as number) : 0) !== 1) continue;
      const bin = bins[i] as number;
      counts[bin] = (counts[bin] as number) - 1;
      changed = true;
    }
    for (let k = 0; k < won.length; k++) {
      const i = won[k] as number;
      if ((failures[i] as number) - (own ? (own[i] as number) : 0) !== 0) continue;
      const bin = bins[i] as number;
      counts[bin] = (counts[bin] as number) + 1;
      changed = true;
    }
    if (changed) this.#dirty.add(name);
  }
}

function makeField(spec: FieldSpec, inside: Uint8Array | null): Field {
  if (spec.kind === 'range') {
    const { bins, size, edges, extent } = histogram(spec.values, spec.missing ?? null, spec.bins ?? DEFAULT_BINS, spec);
    return { spec, bins, size, edges, extent, total: totals(bins, size, inside) };
  }
  const { codes, size } = spec;
  const n = codes.length;
  const bins = size < 256 ? new Uint8Array(n) : size < 65536 ? new Uint16Array(n) : new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const code = codes[i] as number;
    bins[i] = code >= 0 && code < size ? code : size;
  }
  return { spec, bins, size, edges: null, extent: null, total: totals(bins, size, inside) };
}

function totals(bins: Uint8Array | Uint16Array | Uint32Array, size: number, inside: Uint8Array | null): Uint32Array {
  const total = new Uint32Array(size + 1);
  for (let i = 0; i < bins.length; i++) {
    if (inside?.[i] !== 0) total[bins[i] as number] = (total[bins[i] as number] as number) + 1;
  }
  return total;
}
