import { expect, test } from 'vitest';
import { count, date, embeddingName, embeddingNameAmong, fixed, number, percent, pValue, typedNumber } from './format';

test('numbers are short and have a true minus', () => {
  expect([0, 1234567, 0.013247, -2.5, 12.345, 1e-7, 2.5e9].map((value) => number(value))).toEqual([
    '0',
    '1,234,567',
    '0.0132',
    '−2.5',
    '12.3',
    '1.0e−7',
    '2.5e9',
  ]);
  expect([Number.NaN, null, Number.POSITIVE_INFINITY].map((value) => number(value))).toEqual(['–', '–', '∞']);
  expect(fixed(-1.005, 1)).toBe('−1.0');
  expect(count(20000)).toBe('20,000');
});

test('p-values', () => {
  expect([0, 3.2e-12, 0.04321, 1, null].map(pValue)).toEqual(['< 1e−308', '3.2e−12', '0.043', '1.000', '–']);
});

test('shares', () => {
  expect([0, 0.004, 0.256, 0.99, 0.996, 1, null].map(percent)).toEqual([
    '0 %',
    '< 1 %',
    '26 %',
    '99 %',
    '> 99 %',
    '100 %',
    '–',
  ]);
});

test('dates', () => {
  expect(date(Date.UTC(2024, 1, 29))).toBe('2024-02-29');
  expect(date(Date.UTC(2024, 1, 29, 13, 5))).toBe('2024-02-29 13:05');
  expect(date(Number.NaN)).toBe('–');
});

test('embeddings are called as people call them', () => {
  expect(['X_umap', 'X_tsne', 'X_my_map', 'spatial'].map(embeddingName)).toEqual([
    'UMAP',
    't-SNE',
    'my_map',
    'Spatial',
  ]);
});

test('sections are named with their slides', () => {
  const all = ['spatial/s1', 'spatial/s/2', 'spatial', 'X_umap'].map((name) => ({ name }));
  expect(all.map(({ name }) => embeddingNameAmong(name, all))).toEqual([
    'Spatial: s1',
    'Spatial: s/2',
    'Spatial: all slides',
    'UMAP',
  ]);
});

test('embeddings that are called alike keep the names of the file', () => {
  const all = ['X_umap', 'umap', 'UMAP', 'X_tsne'].map((name) => ({ name }));
  expect(all.map(({ name }) => embeddingNameAmong(name, all))).toEqual(['X_umap', 'umap', 'UMAP', 't-SNE']);
});

test('a number is read as it is typed', () => {
  const typed = ['200', '1,234', '1,234,567.5', '0,05', '−0.3', '1e3', ' 12 345 ', '.5', '2.'];
  expect(typed.map((text) => typedNumber(text, '.'))).toEqual([200, 1234, 1234567.5, 0.05, -0.3, 1000, 12345, 0.5, 2]);
  for (const text of ['', 'x', '1.2.3', '1,2,3', 'Infinity', '0x10', '5 %', '--1', 'e5'])
    expect(typedNumber(text, '.')).toBeNull();
  expect(['1.234', '1.234,5', '0.005', '0,005', '12 345'].map((text) => typedNumber(text, ','))).toEqual([
    1234, 1234.5, 0.005, 0.005, 12345,
  ]);
});
