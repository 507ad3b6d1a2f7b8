/**
 * The page's side of the crossfilter: the work is done in a Web Worker, changes that come while it works are joined,
 * and only the newest state is answered.
 */
import type { FieldSpec, Filter } from './engine';

/** Counts of one watched field. Every count leaves out the field's own filter. */
export interface FieldCounts {
  /** Cells per category or bin, of all cells. */
  readonly total: Uint32Array;
  /** Cells per category or bin that pass all filters but this field's own. */
  readonly passing: Uint32Array;
  readonly missingTotal: number;
  readonly missingPassing: number;
  /** Bin edges (one more than bins) of a continuous field; null of a categorical one. */
  readonly edges: Float64Array | null;
}

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
   * Set (or with null clear) the filter of a name. Category and range filters need the field of that name; a `cells`
   * filter needs none (a lasso: any name of its own).
   */
  setFilter(name: string, filter: Filter | null): void;
  clearFilters(): void;
  /** Fields whose counts are wanted, normally those on screen; others cost nothing. */
  watch(names: Iterable<string>): void;
  /** Resolves when everything asked for so far is answered. */
  settled(): Promise<void>;
  dispose(): void;
}

/** Start a crossfilter over n cells. */
export declare function createCrossfilter(n: number, handlers: CrossfilterHandlers): Crossfilter;
