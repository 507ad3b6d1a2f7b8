/** Standardised values of genes, and the ends of their colour scale. */
import type { Standard } from '../../state/plots/plots.svelte';

/** Values of a gene from 0 (its lowest) to 1 (its highest). */
export function fromLowToHigh(values: readonly number[]): number[] {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values.map((value) => (span > 0 ? (value - low) / span : 0));
}

/** Values in standard deviations from their mean. */
export function zScores(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length || 1));
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
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
