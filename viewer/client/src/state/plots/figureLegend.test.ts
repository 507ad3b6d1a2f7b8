import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import type { Comparison } from '../compare/compare.svelte';
import type { Coloring } from '../fields/coloring';
import type { View } from '../view/view';
import { comparison, dataset, plot, scatter, selection } from './figureLegend';

const CHOICES = {
  kind: 'dots',
  genes: ['A', 'B'],
  column: null,
  groupBy: 'type',
  by: 'donor',
  split: null,
  matrix: 'raw/X',
  standard: 'none',
  order: 'given',
  groupOrder: 'given',
} as const;

test('a dataset is named with its size and the version that drew it', () => {
  expect(dataset({ title: 'PBMC', n_obs: 1234, n_vars: 10, version: '1.2' } as Schema)).toBe(
    'Dataset: PBMC (1,234 cells, 10 genes). Drawn with starcyte 1.2.',
  );
});

test('plots say values, scaling, order and what splits them', () => {
  expect(plot(CHOICES)).toBe(
    'Mean expression of A and B (values of raw/X) in the categories of type; the area of a dot is the fraction of cells above 0.',
  );
  const ordered = plot({ ...CHOICES, kind: 'matrix', standard: 'z', order: 'cluster', groupOrder: 'cluster' });
  expect(ordered).toContain('each gene in standard deviations from its mean');
  expect(ordered).toContain('Genes and categories are ordered by hierarchical clustering (average linkage');
  const many = Array.from({ length: 30 }, (_, k) => `G${k}`);
  expect(plot({ ...CHOICES, genes: many })).toContain('G11 and 18 others');
  expect(plot({ ...CHOICES, kind: 'violins', split: 'sex' })).toContain('in the categories of type, split by sex');
  expect(plot({ ...CHOICES, kind: 'violins', column: 'n_counts' })).toMatch(/^Distribution of n_counts in/);
  expect(plot({ ...CHOICES, kind: 'composition' })).toBe('Composition of the categories of type by donor.');
});

test('the plot of cells says what its colours mean', () => {
  const value = {
    ...{ kind: 'value', key: 'gene:X:A', title: 'A', subtitle: 'values from X', zero: true },
    ...{ domain: [0, 3.25], extent: [0, 5] },
  } as unknown as Coloring;
  expect(scatter('X_umap', value)).toBe(
    'Cells in the coordinates of UMAP (X_umap), coloured by A (values from X); colours run from 0 to 3.25, more extreme values as these ends; cells at 0 are grey.',
  );
});

test('a selection says by what, and nothing where there is none', () => {
  const view = { filters: { 'obs:n': { kind: 'range', min: 1, max: 2 } }, lasso: { id: 1, n: 9 } } as unknown as View;
  expect(selection(view, new Map(), 5, 20)).toBe('Of 20 cells 5 are selected, by n (1 to 2) and a lasso.');
  expect(selection({ ...view, filters: {}, lasso: null }, new Map(), 20, 20)).toBe('');
});

test('a comparison says test, sizes, correction and limits', () => {
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
    result: { ...result, n_genes: 765 },
  } as unknown as Comparison;
  const said = comparison(made, { fold: 0.5, p: 0.05, fraction: 0.1, direction: 'both' });
  expect(said).toContain('Expression in T (10 cells) against the rest (2,000 cells) by Wilcoxon rank sums on X');
  expect(said).toContain('p-values of 765 genes adjusted by Benjamini and Hochberg’s method');
  expect(said).toContain('at least 0.5, an adjusted p-value of at most 0.05 and at least 10 % of cells above 0');
  expect(comparison(made, null)).not.toContain('Marked');
});
