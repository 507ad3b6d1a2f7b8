import { expect, test } from 'vitest';
import type { DiffexpGene } from '../../api/types';
import { METHOD } from './methodFixture';
import type { Tested } from './methods';
import { NO_LIMITS, passing, USUAL } from './thresholds';

function gene(name: string, fold: number | null, p: number | null, fraction = 0.5): DiffexpGene {
  const means = { mean_a: fold, mean_b: 0, fraction_a: fraction, fraction_b: 0.1 };
  return {
    gene: name,
    gene_id: null,
    log2_fold_change: fold,
    score: fold,
    p_value: p,
    p_adjusted: p,
    auc: null,
    ...means,
  };
}

const GENES = [
  gene('up', 2, 0.001),
  gene('down', -3, 0.01, 0.05),
  gene('unsure', 4, 0.5),
  gene('untested', null, null),
];
const LOGS: Tested = { method: METHOD, result: { scale: 'log1p' } };

function names(limits: Partial<typeof USUAL>, tested = LOGS): string[] {
  return passing(GENES, { ...NO_LIMITS, ...limits }, tested).map((one) => one.gene);
}

test('limits join, and without any every gene passes', () => {
  expect(names({})).toHaveLength(4);
  expect(names(USUAL)).toEqual(['up', 'down']);
  expect(names({ direction: 'down' })).toEqual(['down']);
  expect(names({ direction: 'up', p: 0.05 })).toEqual(['up']);
  expect(names({ fold: 3 })).toEqual(['down', 'unsure']);
  expect(names({ fraction: 0.2, p: 0.05 })).toEqual(['up']);
});

test('where there is no fold change, its limit is of no effect', () => {
  const scaled = GENES.map((one) => ({ ...one, log2_fold_change: null }));
  const tested: Tested = { method: METHOD, result: { scale: 'signed' } };
  expect(passing(scaled, USUAL, tested).map((one) => one.gene)).toEqual(['up', 'down']);
  expect(passing(scaled, { ...USUAL, direction: 'down' }, tested).map((one) => one.gene)).toEqual(['down']);
});
