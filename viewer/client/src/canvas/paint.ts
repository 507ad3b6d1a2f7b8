/** What cells look like: colours by code, layers, and what lies on top. */

/** Meaning of a byte of the plot's mask, and of a code's level. A crossfilter's pass mask (0 or 1) is a mask as it is. */
export const FADED = 0;
export const NORMAL = 1;
export const HIGHLIGHTED = 2;

/** An opaque colour, each channel 0 to 255. */
export type Rgb = readonly [number, number, number];

/**
 * What lies on top where cells overlap.
 * `value`: higher codes (so missing and zero are lowest). `shuffled`: a fixed random order, for categories.
 * Either way faded cells lie lowest and highlighted ones on top.
 */
export type Order = 'value' | 'shuffled';

/** What each code looks like. See `color/lut.ts`, which makes these. */
export interface Lut {
  /** Four bytes a code: red, green, blue, alpha. A code of alpha 0 is not drawn and cannot be picked. */
  readonly rgba: Uint8Array;
  /** One byte a code, FADED, NORMAL or HIGHLIGHTED: codes of a lower level lie below; null: all NORMAL. */
  readonly levels: Uint8Array | null;
}
