import { expect, test } from 'vitest';
import type { DiffexpGene } from '../../api/types';
import { METHOD } from '../../state/compare/methodFixture';
import { named, volcano } from './volcano';

function gene(name: string, p: number, score: number | null): DiffexpGene {
  const means = { mean_a: 1, mean_b: 0, fraction_a: 1, fraction_b: 1 };
  return { gene: name, gene_id: null, log2_fold_change: 1, score, p_value: p, p_adjusted: p, auc: null, ...means };
}

test('p-values of 0 lie on the edge, and their genes are named by the size of their scores', () => {
  const genes = [gene('sure', 1e-20, 12), gene('zero', 0, 60), gene('infinite', 0, null), gene('more', 0, 70)];
  const data = volcano(genes, new Set(genes), { method: METHOD, result: { scale: 'log1p' } });
  expect(data.hasZero).toBe(true);
  expect(data.top).toBeCloseTo(24);
  expect(data.points.map(({ y }) => y === data.top)).toEqual([false, true, true, true]);
  expect(named(data.points, 3).map((point) => point.gene.gene)).toEqual(['infinite', 'more', 'zero']);
});

test('without p-values of 0 there is no such edge', () => {
  const genes = [gene('sure', 1e-20, 12), gene('unsure', 0.5, 1)];
  const data = volcano(genes, new Set(genes), { method: METHOD, result: { scale: 'log1p' } });
  expect([data.hasZero, data.points.every(({ y }) => y < data.top)]).toEqual([false, true]);
});
