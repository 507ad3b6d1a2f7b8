/** Values as histogram bins, once for each field. */
import type { NumberArray } from '../wire/columns';
import { logarithm } from './logarithm';

export interface Histogram {
  /** Bin of each cell; `size` is missing. */
  readonly bins: Uint8Array | Uint16Array;
  readonly size: number;
  /** One more than bins; null where there is no value. */
  readonly edges: Float64Array | null;
  /** Least and greatest value, also where the bins are of a part. */
  readonly extent: readonly [number, number] | null;
}

export interface HistogramOptions {
  /** The part that is binned; values beyond count in the bins at its ends. */
  readonly domain?: readonly [number, number] | null;
  /** Bins of equal width on a logarithmic scale, where no value is negative. */
  readonly log?: boolean;
}

/**
 * Bin values between the least and the greatest. Whole numbers of a small span get one bin each (counts of genes in ten
 * bins of 1.3 would show a comb). NaN and infinity are missing.
 */
export function histogram(
  values: NumberArray,
  missing: Uint8Array | null,
  wanted: number,
  { domain = null, log = false }: HistogramOptions = {},
): Histogram {
  const n = values.length;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (let i = 0; i < n; i++) {
    const value = values[i] as number;
    if (value - value !== 0 || (missing !== null && missing[i] === 1)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    if (whole && !Number.isInteger(value)) whole = false;
  }
  if (min > max) return { bins: new Uint8Array(n).fill(wanted), size: wanted, edges: null, extent: null };
  const extent = [min, max] as const;
  if (domain && domain[0] < domain[1]) [min, max] = domain;
  const least = min;
  const curve = log && min < max ? logarithm(min) : null;
  if (curve) {
    whole = false;
    [min, max] = [curve.forward(min), curve.forward(max)];
  }
  if (whole && max - min < wanted) {
    wanted = max - min + 1;
    min -= 0.5;
    max += 0.5;
  } else if (whole) {
    // Bins of a whole width hold equally many whole numbers.
    const width = Math.ceil((max - min + 1) / wanted);
    wanted = Math.ceil((max - min + 1) / width);
    min -= 0.5;
    max = min + wanted * width;
  } else if (min === max) {
    min -= 0.5;
    max += 0.5;
    wanted = 1;
  }
  const scale = wanted / (max - min);
  const bins = wanted < 256 ? new Uint8Array(n) : new Uint16Array(n);
  for (let i = 0; i < n; i++) {
    const value = values[i] as number;
    if (value - value !== 0 || (missing !== null && missing[i] === 1)) bins[i] = wanted;
    else {
      const bin = Math.floor(((curve ? curve.forward(Math.max(value, least)) : value) - min) * scale);
      bins[i] = bin >= wanted ? wanted - 1 : bin > 0 ? bin : 0;
    }
  }
  const places = Float64Array.from({ length: wanted + 1 }, (_, k) => (k === wanted ? max : min + k / scale));
  return { bins, size: wanted, edges: curve ? places.map(curve.inverse) : places, extent };
}
