import type { DiffexpGene } from '../../api/types';

/** Significant digits of the numbers in a saved result. */
const DIGITS = 7;

/** Return a gene with the numbers as they are saved. */
export function rounded(gene: DiffexpGene): DiffexpGene {
  const entries = Object.entries(gene).map(([key, value]) => [
    key,
    typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value,
  ]);
  return Object.fromEntries(entries) as DiffexpGene;
}
