/** From the values of a column to the codes the scatter plot draws. */
import type { NumberArray } from '../wire/columns';

/** Codes of categories for the plot: 0 is missing, category k is k + 1. Uint16Array from 255 categories on. */
export declare function categoryCodes(codes: NumberArray, size: number): Uint8Array | Uint16Array;

export interface QuantiseOptions {
  /** 1 where missing, beside NaN and infinity. */
  missing?: Uint8Array | null;
  /** Bounds of the scale, in units of the values. Default: `clip` percentiles of the values. */
  domain?: readonly [number, number];
  /** Lower and upper percentile of the values that bound the scale; [0, 100] by default (expression: [0, 99.5] suits). */
  clip?: readonly [number, number];
  /** Whether exact zeros have the code 1 of their own, and percentiles are those of the other values. */
  zero?: boolean;
}

export interface Quantised {
  /** 0 missing, 1 zero or lowest ... 255 highest. */
  readonly codes: Uint8Array;
  /** Bounds of the scale as used: for the legend. */
  readonly domain: readonly [number, number];
  /** Bounds of the values themselves (NaN where there are none). */
  readonly extent: readonly [number, number];
  readonly nMissing: number;
  readonly nZero: number;
}

/** Quantise values to the codes of `valueLut`. */
export declare function quantise(values: NumberArray, options?: QuantiseOptions): Quantised;
