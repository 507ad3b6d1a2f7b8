/** Which genes of a comparison count: how far apart, how sure, how common. */
import type { DiffexpGene } from '../../api/types';
import { hasFoldChange, type Tested } from './methods';

export interface Thresholds {
  /** Least |log2 fold change|; of no effect where a result has none. */
  readonly fold: number;
  /** Highest adjusted p-value. */
  readonly p: number;
  /** Least fraction expressing in the set where more cells do, 0 to 1. */
  readonly fraction: number;
  readonly direction: 'both' | 'up' | 'down';
}

export const USUAL: Thresholds = { fold: 0.5, p: 0.05, fraction: 0, direction: 'both' };
export const NO_LIMITS: Thresholds = { fold: 0, p: 1, fraction: 0, direction: 'both' };

/** How far a gene is apart in the two sets: its fold change, or the difference of its means where there is none. */
export function effectOf(gene: DiffexpGene, tested: Tested): number | null {
  if (hasFoldChange(tested)) return gene.log2_fold_change;
  return gene.mean_a === null || gene.mean_b === null ? null : gene.mean_a - gene.mean_b;
}

/** The genes that pass, in the order they have. */
export function passing(
  genes: readonly DiffexpGene[],
  { fold, p, fraction, direction }: Thresholds,
  tested: Tested,
): DiffexpGene[] {
  const least = hasFoldChange(tested) ? fold : 0;
  return genes.filter((gene) => {
    const effect = effectOf(gene, tested) ?? gene.score ?? 0;
    if (direction === 'up' && !(effect > 0)) return false;
    if (direction === 'down' && !(effect < 0)) return false;
    if (least > 0 && !(Math.abs(gene.log2_fold_change ?? 0) >= least)) return false;
    if (p < 1 && !((gene.p_adjusted ?? 1) <= p)) return false;
    return fraction <= 0 || Math.max(gene.fraction_a ?? 0, gene.fraction_b ?? 0) >= fraction;
  });
}
