/** The points of a volcano plot. */
import type { DiffexpGene } from '../../api/types';
import type { Tested } from '../../state/compare/methods';
import { effectOf } from '../../state/compare/thresholds';

export interface VolcanoPoint {
  readonly gene: DiffexpGene;
  /** Effect, and how sure it is: -log10 of the adjusted p-value. */
  readonly x: number;
  readonly y: number;
  /** 1: passes and is higher in set A; -1: passes and is higher in set B; 0: does not pass. */
  readonly side: -1 | 0 | 1;
}

export interface VolcanoData {
  readonly points: readonly VolcanoPoint[];
  /** Effects beyond lie on the border. */
  readonly reach: number;
  /** The upper edge, on which p-values of 0 lie. */
  readonly top: number;
  /** Whether there are p-values of 0. */
  readonly hasZero: boolean;
}

/** Share of the tested genes that say how wide the plot is: a few far beyond would squeeze all others into the middle. */
const INSIDE = 0.995;
export function volcano(genes: readonly DiffexpGene[], passing: ReadonlySet<DiffexpGene>, made: Tested): VolcanoData {
  const tested: { gene: DiffexpGene; x: number; y: number }[] = [];
  for (const gene of genes) {
    const x = effectOf(gene, made);
    if (x === null || gene.p_adjusted === null) continue;
    tested.push({ gene, x, y: -Math.log10(gene.p_adjusted) });
  }
  const sizes = tested.map((point) => Math.abs(point.x)).sort((a, b) => a - b);
  const usual = sizes[Math.floor(INSIDE * (sizes.length - 1))] || 1;
  const reach = 1.06 * Math.min(sizes.at(-1) || 1, 2 * usual);
  const highest = tested.reduce((most, { y }) => (y < Number.POSITIVE_INFINITY ? Math.max(most, y) : most), 1);
  const hasZero = tested.some(({ y }) => y === Number.POSITIVE_INFINITY);
  const top = (hasZero ? 1.2 : 1.1) * highest;
  const points = tested.map(({ gene, x, y }) => ({
    gene,
    x: Math.min(Math.max(x, -reach), reach),
    y: Math.min(y, top),
    side: passing.has(gene) ? (Math.sign(x) as -1 | 0 | 1) : 0,
  }));
  return { points, reach, top, hasZero };
}

/** The genes that are named: those that the user chose, then those of the largest score to either side. */
export function named(
  points: readonly VolcanoPoint[],
  perSide: number,
  chosen: ReadonlySet<string> = new Set(),
): VolcanoPoint[] {
  // An infinite score, of genes that vary in neither set, is sent as null.
  const weight = ({ gene: { score, p_value } }: VolcanoPoint) =>
    score === null ? (p_value === 0 ? Number.MAX_VALUE : 0) : Math.abs(score);
  const best = points.filter(({ side, gene }) => side !== 0 && !chosen.has(gene.gene));
  best.sort((a, b) => weight(b) - weight(a));
  const of = (wanted: number) => best.filter(({ side }) => side === wanted).slice(0, perSide);
  return [...points.filter(({ gene }) => chosen.has(gene.gene)), ...of(1), ...of(-1)];
}
