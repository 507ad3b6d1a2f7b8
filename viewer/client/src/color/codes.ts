/** From the values of a column to the codes the scatter plot draws. */
import { inPieces, whole } from '../canvas/steps';
import { logarithm } from '../crossfilter/logarithm';
import type { NumberArray } from '../wire/columns';

/** Codes of categories for the plot: 0 is missing, category k is k + 1. Uint16Array where they need it. */
export function categoryCodes(codes: NumberArray, size: number): Uint8Array | Uint16Array {
  if (size > 65535) throw new RangeError(`${size} categories are more than the plot can colour (65,535)`);
  const made = size < 256 ? new Uint8Array(codes.length) : new Uint16Array(codes.length);
  for (let i = 0; i < made.length; i++) {
    const code = codes[i] as number;
    made[i] = code >= 0 && code < size ? code + 1 : 0;
  }
  return made;
}

export interface QuantiseOptions {
  /** 1 where missing, beside NaN. */
  missing?: Uint8Array | null;
  /** Bounds of the scale, in units of the values. Default: the `clip` percentiles of the values. */
  domain?: readonly [number, number] | null;
  /** Lower and upper percentile that bound the scale; [0, 100] by default (for expression, [0, 99.5] suits). */
  clip?: readonly [number, number];
  /** Whether exact zeros have the code 1 of their own; the percentiles are then those of the other values. */
  zero?: boolean;
  /** Whether the scale is logarithmic, where no value is negative. */
  log?: boolean;
}

export interface Quantised {
  /** 0 missing, 1 zero or lowest ... 255 highest. */
  readonly codes: Uint8Array;
  /** Bounds of the scale as used: for the legend. NaN where there is no value to colour. */
  readonly domain: readonly [number, number];
  /** Bounds of the finite values themselves, zeros among them; NaN where there are none. */
  readonly extent: readonly [number, number];
  readonly nMissing: number;
  readonly nZero: number;
}

/** Enough for a percentile of the picture; the whole of a million values would have to be sorted for no visible gain. */
const SAMPLE = 100_000;

/** Quantise values to the codes of `valueLut`. Infinite values take the end of the scale they point to. */
export function quantise(values: NumberArray, options: QuantiseOptions = {}): Quantised {
  return whole(quantiseSteps(values, options));
}

/** The same in steps. */
export function* quantiseSteps(values: NumberArray, options: QuantiseOptions = {}): Generator<undefined, Quantised> {
  const { missing = null, clip = [0, 100], zero = false, log = false } = options;
  const n = values.length;
  let nMissing = 0;
  let nZero = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  yield* inPieces(n, (from, to) => {
    for (let i = from; i < to; i++) {
      const value = values[i] as number;
      if (Number.isNaN(value) || (missing !== null && missing[i] === 1)) nMissing++;
      else {
        if (value === 0) nZero++;
        if (value < low && value !== Number.NEGATIVE_INFINITY) low = value;
        if (value > high && value !== Number.POSITIVE_INFINITY) high = value;
      }
    }
  });
  // 0 is added so that a scale does not begin at -0
  const extent: [number, number] = low <= high ? [low + 0, high + 0] : [Number.NaN, Number.NaN];
  const domain = options.domain ?? (yield* boundsSteps(values, missing, zero, clip, extent));
  const first = zero ? 2 : 1;
  const curve = log && domain[0] < domain[1] ? logarithm(domain[0]) : null;
  const bottom = curve ? curve.forward(domain[0]) : domain[0];
  const span = (curve ? curve.forward(domain[1]) : domain[1]) - bottom;
  const scale = span > 0 ? (255 - first) / span : 0;
  // Where all values are alike the middle of the scale is as good as any; a lone positive level is "high" of "zero".
  const level = span > 0 ? 0 : zero ? 255 - first : (255 - first) / 2;
  const codes = new Uint8Array(n);
  yield;
  yield* inPieces(n, (from, to) => {
    for (let i = from; i < to; i++) {
      const value = values[i] as number;
      if (Number.isNaN(value) || (missing !== null && missing[i] === 1)) continue;
      if (zero && value === 0) {
        codes[i] = 1;
        continue;
      }
      const place = curve ? curve.forward(Math.max(value, domain[0])) : value;
      let share = scale > 0 ? (place - bottom) * scale : level;
      if (!(share > 0)) share = 0;
      else if (share > 255 - first) share = 255 - first;
      codes[i] = first + Math.round(share);
    }
  });
  return { codes, domain, extent, nMissing, nZero };
}

/** The values at two percentiles; null where there are none. */
export function percentiles(
  values: NumberArray,
  { missing = null, clip }: { missing?: Uint8Array | null; clip: readonly [number, number] },
): readonly [number, number] | null {
  const found = whole(boundsSteps(values, missing, false, clip, [Number.NaN, Number.NaN]));
  return Number.isNaN(found[0]) ? null : found;
}

/** Percentiles of the finite values, by a regular sample where there are many. */
function* boundsSteps(
  values: NumberArray,
  missing: Uint8Array | null,
  zero: boolean,
  clip: readonly [number, number],
  extent: readonly [number, number],
): Generator<undefined, readonly [number, number]> {
  if (!zero && clip[0] <= 0 && clip[1] >= 100) return extent;
  const used = (i: number) =>
    Number.isFinite(values[i]) && !(zero && values[i] === 0) && !(missing !== null && missing[i] === 1);
  let count = 0;
  yield* inPieces(values.length, (from, to) => {
    for (let i = from; i < to; i++) if (used(i)) count++;
  });
  if (count === 0) return extent;
  const step = Math.max(1, Math.floor(count / SAMPLE));
  const sorted = new Float64Array(Math.ceil(count / step));
  let seen = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  yield;
  yield* inPieces(values.length, (from, to) => {
    for (let i = from; i < to; i++) {
      if (!used(i)) continue;
      const value = values[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
      if (seen % step === 0) sorted[seen / step] = value;
      seen++;
    }
  });
  yield;
  sorted.sort();
  const at = (percent: number) => sorted[Math.round((percent / 100) * (sorted.length - 1))] as number;
  // An expression scale begins at zero, so that a low level looks low.
  const bottom = zero && low > 0 ? 0 : clip[0] <= 0 ? low : at(clip[0]);
  const top = clip[1] >= 100 ? high : at(clip[1]);
  return bottom < top ? [bottom, top] : [Math.min(bottom, low), high];
}
