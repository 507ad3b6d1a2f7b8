import { expect, test } from 'vitest';
import type { Page } from './page';
import { PLOTS, plotFor } from './registry';

const PLOTTED = {
  genes: ['A', 'B'],
  column: null,
  groupBy: 'type',
  by: 'donor',
  split: null,
  standard: 'none',
  order: 'given',
  groupOrder: 'given',
};

function page(choices: object = {}, matrix: string | null = 'raw/X'): Page {
  return { plots: { ...PLOTTED, ...choices }, viewer: { view: { matrix } } } as unknown as Page;
}

function sentence(kind: string, choices: object = {}): string {
  return PLOTS.find((plot) => plot.kind === kind)?.sentence(page(choices), null) ?? '';
}

test('each kind of plot is listed once', () => {
  expect(new Set(PLOTS.map(({ kind }) => kind)).size).toBe(PLOTS.length);
  expect(new Set(PLOTS.map(({ label }) => label)).size).toBe(PLOTS.length);
});

test('sentences name values, scaling, order and the split', () => {
  expect(sentence('dots')).toBe(
    'Mean expression of A and B (values of raw/X) in the categories of type; the area of a dot is the fraction of cells above 0.',
  );
  const clustered = sentence('matrix', { standard: 'z', order: 'cluster', groupOrder: 'cluster' });
  expect(clustered).toContain('each gene in standard deviations from its mean');
  expect(clustered).toContain('Genes and categories are ordered by hierarchical clustering (average linkage');
  const many = Array.from({ length: 30 }, (_, k) => `G${k}`);
  expect(sentence('grid', { genes: many })).toContain('G11 and 18 others');
  expect(sentence('heat', { standard: 'share' })).toContain('each gene scaled from its lowest to its highest in cells');
  expect(sentence('violins', { split: 'sex' })).toContain('in the categories of type, split by sex');
  expect(sentence('violins', { column: 'n_counts' })).toMatch(/^Distribution of n_counts in/);
  expect(sentence('composition')).toBe('Composition of the categories of type by donor.');
});

test('the plot chosen is drawn unless it does not serve the purpose of the drawer', () => {
  const kindFor = (kind: string | null, purpose: 'genes' | 'gene' | null, matrix: string | null = 'X') =>
    plotFor({ kind, purpose }, page({}, matrix)).kind;
  expect(kindFor(null, null)).toBe('dots');
  expect(kindFor('composition', null)).toBe('composition');
  expect(kindFor('composition', 'genes')).toBe('dots');
  expect(kindFor('heat', 'genes')).toBe('heat');
  expect(kindFor('heat', 'gene')).toBe('violins');
  expect(kindFor('dots', null, null)).toBe('composition');
  expect(kindFor('violins', null, null)).toBe('violins');
});
