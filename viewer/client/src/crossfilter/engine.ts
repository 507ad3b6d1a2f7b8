/** The crossfilter itself, without a worker: which cells pass all filters, and counts per field without its own filter. */
import type { NumberArray } from '../wire/columns';

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
