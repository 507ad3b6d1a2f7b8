/** Standardised values of genes, and the ends of their colour scale. */
import type { Standard } from '../../state/plots/plots.svelte';

/** Values of a gene from 0 (its lowest) to 1 (its highest); missing ones (NaN) stay missing. */
export function fromLowToHigh(values: readonly number[]): number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const span = high - low;
  return values.map((value) => (Number.isNaN(value) ? value : span > 0 ? (value - low) / span : 0));
}

/** Values in standard deviations from their mean; missing ones (NaN) stay missing. */
export function zScores(values: readonly number[]): number[] {
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / (known.length || 1);
  const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length || 1));
  return values.map((value) => (Number.isNaN(value) ? value : deviation > 0 ? (value - mean) / deviation : 0));
}

/** Values with the mean of the others in place of missing ones (NaN), for the distances between rows. */
export function filled(values: readonly number[]): number[] {
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / (known.length || 1);
  return values.map((value) => (Number.isNaN(value) ? mean : value));
}

export function standardised(values: readonly number[], standard: Standard): readonly number[] {
  if (standard === 'share') return fromLowToHigh(values);
  return standard === 'z' ? zScores(values) : values;
}

/** The ends of a colour scale: from 0, or symmetric where values are deviations. */
export function domainOf(values: readonly number[], standard: Standard): readonly [number, number] {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const reach = Math.max(-low, high);
  return standard === 'z' ? [-reach, reach] : [low, high];
}
