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

test('genes that pass have the side on which they are higher', () => {
  const [up, out] = [gene('up', 1e-9, 3), gene('out', 0.5, 1)];
  const down = { ...gene('down', 1e-9, -3), log2_fold_change: -1 };
  const data = volcano([up, down, out], new Set([up, down]), { method: METHOD, result: { scale: 'log1p' } });
  expect(data.points.map(({ side }) => side)).toEqual([1, -1, 0]);
});

test('the genes that a user chose are named first and once, also those that do not pass', () => {
  const genes = [gene('best', 1e-20, 12), gene('good', 1e-9, 9), gene('out', 0.5, 1)];
  const data = volcano(genes, new Set(genes.slice(0, 2)), { method: METHOD, result: { scale: 'log1p' } });
  const names = (perSide: number) => named(data.points, perSide, new Set(['out', 'good'])).map(({ gene }) => gene.gene);
  expect(names(5)).toEqual(['good', 'out', 'best']);
  expect(names(0)).toEqual(['good', 'out']);
});

test('without p-values of 0 there is no such edge', () => {
  const genes = [gene('sure', 1e-20, 12), gene('unsure', 0.5, 1)];
  const data = volcano(genes, new Set(genes), { method: METHOD, result: { scale: 'log1p' } });
  expect([data.hasZero, data.points.every(({ y }) => y < data.top)]).toEqual([false, true]);
});
