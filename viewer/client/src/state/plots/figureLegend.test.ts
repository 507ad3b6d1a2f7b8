import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import type { Comparison } from '../compare/compare.svelte';
import type { Coloring } from '../fields/coloring';
import type { View } from '../view/view';
import { comparison, dataset, scatter, selection } from './figureLegend';

test('a dataset is named with its size and the version that drew it', () => {
  expect(
    dataset({
      title: 'PBMC',
      n_obs: 1234,
      n_vars: 10,
      version: '1.2',
      modalities: [] as Schema['modalities'],
    } as Schema),
  ).toBe('Dataset: PBMC (1,234 cells, 10 genes). Drawn with starcyte 1.2.');
});

test('the plot of cells has the meaning of its colours', () => {
  const value = {
    ...{ kind: 'value', key: 'gene:X:A', title: 'A', subtitle: 'values from X', zero: true },
    ...{ domain: [0, 3.25], extent: [0, 5] },
  } as unknown as Coloring;
  expect(scatter('X_umap', value)).toBe(
    'Cells in the coordinates of UMAP (X_umap), coloured by A (values from X); colours run from 0 to 3.25, more extreme values as these ends; cells at 0 are grey.',
  );
});

test('a selection has its filters', () => {
  const view = { filters: { 'obs:n': { kind: 'range', min: 1, max: 2 } }, lasso: { id: 1, n: 9 } } as unknown as View;
  expect(selection(view, new Map(), 5, 20)).toBe('Of 20 cells 5 are selected, by n (1 to 2) and a lasso.');
  expect(selection({ ...view, filters: {}, lasso: null }, new Map(), 20, 20)).toBe('');
  const subset = { ...view, subset: { id: 2, n: 12 } } as unknown as View;
  expect(selection(subset, new Map(), 5, 20)).toBe(
    'Of 20 cells 12 are shown, a subset. Of these 5 are selected, by n (1 to 2) and a lasso.',
  );
  expect(selection({ ...subset, filters: {}, lasso: null }, new Map(), 12, 20)).toBe(
    'Of 20 cells 12 are shown, a subset.',
  );
});

test('a comparison has test, sizes, correction and limits', () => {
  const result = {
    method: 'wilcoxon',
    matrix: 'X',
    correction: 'benjamini-hochberg',
    scale: 'log1p',
    n_a: 10,
    n_b: 2000,
  };
  const made = {
    id: 1,
    a: 'T',
    b: 'the rest',
    genes: [],
    method: { name: 'Wilcoxon rank sums', has_fold_change: true },
    result: {
      ...{ ...result, n_genes: 600, n_tested: 765, min_fraction: 0.1, log_base: 2 },
      fold_change: { name: 'the ratio of mean expression' },
      warnings: ['Group a has 10 cells.'],
    },
  } as unknown as Comparison;
  const sentence = comparison(made, { fold: 0.5, p: 0.05, fraction: 0.1, direction: 'both' });
  expect(sentence).toContain(
    'Expression in T (10 cells) against the rest (2,000 cells) by Wilcoxon rank sums on X (logarithms to base 2)',
  );
  expect(sentence).toContain('Fold changes are by the ratio of mean expression. Group a has 10 cells. Marked');
  expect(sentence).toContain(
    'p-values of 765 genes that at least 10 % of the cells of one group express adjusted by Benjamini and Hochberg’s method',
  );
  expect(sentence).toContain('at least 0.5, an adjusted p-value of at most 0.05 and at least 10 % of cells above 0');
  expect(comparison(made, null)).not.toContain('Marked');
});
