import { expect, test } from 'vitest';
import { METHOD } from './methodFixture';
import { hasFoldChange, methodLines, methodOf, scaleText } from './methods';

test('a method is found by its id, and one that the server does not offer goes by its id', () => {
  const schema = { methods: [METHOD] };
  expect(methodOf(schema, METHOD.id)).toBe(METHOD);
  expect(methodOf(schema, 'older')).toMatchObject({
    id: 'older',
    label: 'older',
    name: 'older',
    columns: METHOD.columns,
  });
});

test('values of either sign have no fold change, nor have the results of some methods', () => {
  expect(hasFoldChange({ method: METHOD, result: { scale: 'log1p' } })).toBe(true);
  expect(hasFoldChange({ method: METHOD, result: { scale: 'signed' } })).toBe(false);
  expect(hasFoldChange({ method: { ...METHOD, has_fold_change: false }, result: { scale: 'log1p' } })).toBe(false);
});

test('a result says its scale, its formula and its limits', () => {
  const fold_change = { id: 'x', name: 'the ratio', formula: '(sum(x) + 1) / n', pseudo_count: 1 };
  const computed = {
    ...{ scale: 'log1p' as const, log_base: 2, fold_change, min_fraction: 0.1, correction: 'bonferroni' },
    warnings: ['Few cells.'],
  };
  expect(scaleText(computed)).toBe('logarithms to base 2');
  expect(scaleText({ scale: 'log1p', log_base: Math.E })).toBe('logarithms');
  expect(scaleText({ scale: 'counts', log_base: null })).toBe('counts');
  const text = methodLines(METHOD, computed, 'T against B').join('\n');
  for (const part of [
    'T against B',
    'a test of ranks',
    'log1p, base 2',
    '(sum(x) + 1) / n',
    'pseudo-count 1',
    '0.1',
    'Few',
  ]) {
    expect(text).toContain(part);
  }
  expect(methodLines(METHOD, { scale: 'signed', correction: 'x' }, '').join('\n')).toContain('not defined');
});
