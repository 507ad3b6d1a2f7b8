import { describe, expect, it } from 'vitest';
import type { DiffexpGene } from '../../api/types';
import { base64, ofSide, rankedScores, rankingOf, runningSum } from './enrichment';

function gene(name: string, score: number | null): DiffexpGene {
  const none = { mean_a: 0, mean_b: 0, fraction_a: 0, fraction_b: 0, auc: null };
  return { gene: name, gene_id: null, log2_fold_change: score, score, p_value: 0.1, p_adjusted: 0.1, ...none };
}

const GENES = [gene('a', 3), gene('b', -2), gene('c', null), gene('d', 1)];

describe('the question of an enrichment', () => {
  it('sends scores as little-endian float64', () => {
    expect(base64(Float64Array.of(1, -2))).toBe('AAAAAAAA8D8AAAAAAAAAwA==');
    expect(atob(base64(new Uint8Array(20_000).fill(65)))).toBe('A'.repeat(20_000));
  });

  it('leaves out genes without a score', () => {
    const asked = rankingOf(GENES, ofSide(GENES, 'up'));
    expect(asked.genes).toEqual(['a', 'b', 'd']);
    expect(asked.chosen).toBe(base64(Uint8Array.of(1, 0, 1)));
    expect(rankingOf(GENES, null)).not.toHaveProperty('chosen');
  });

  it('takes genes of one side', () => {
    expect(ofSide(GENES, 'down').map(({ gene: name }) => name)).toEqual(['b']);
    expect(ofSide(GENES, 'both')).toHaveLength(4);
    expect([...rankedScores(GENES)]).toEqual([3, 1, -2]);
  });
});

describe('the running sum', () => {
  it('rises at genes of the set and ends at 0', () => {
    const { points, peak } = runningSum([0, 2], Float64Array.of(3, 1, -1, -2));
    expect(points).toEqual([
      [0, 0],
      [0, 0],
      [1, 0.75],
      [2, 0.25],
      [3, 0.5],
      [4, 0],
    ]);
    expect(peak).toEqual([1, 0.75]);
  });

  it('rises evenly where all scores are 0', () => {
    expect(runningSum([0, 1], new Float64Array(3)).peak).toEqual([2, 1]);
  });

  it('of a set at the bottom is negative', () => {
    const { peak } = runningSum([2], Float64Array.of(2, 1, -1));
    expect(peak).toEqual([2, -1]);
  });
});
