import { expect, test } from 'vitest';
import { clustered } from './cluster';
import { shares } from './composition';
import { dots } from './dots';
import { linear } from './scale';

test('alike rows lie side by side', () => {
  const order = clustered([
    [0, 0],
    [10, 10],
    [0.2, 0],
    [10, 9],
  ]);
  expect([...order].sort()).toEqual([0, 1, 2, 3]);
  expect(Math.abs(order.indexOf(0) - order.indexOf(2))).toBe(1);
  expect(Math.abs(order.indexOf(1) - order.indexOf(3))).toBe(1);
  expect(clustered([])).toEqual([]);
});

const SUMMARY = {
  groups: ['T', 'empty', 'B'],
  n: [10, 0, 5],
  genes: [
    { gene: 'X2', mean: [2, null, 4], fraction: [0.5, null, 1] },
    { gene: 'X10', mean: [1, null, 1], fraction: [0.1, null, 0.1] },
  ],
};

test('dots leave out empty categories, and are standardised gene by gene', () => {
  const plain = dots(SUMMARY, false, 'given');
  expect(plain.groups.map(({ name }) => name)).toEqual(['T', 'B']);
  expect([plain.low, plain.high]).toEqual([0, 4]);
  const even = dots(SUMMARY, true, 'name');
  expect(even.groups.map(({ name }) => name)).toEqual(['B', 'T']);
  expect(even.genes).toEqual(['X2', 'X10']);
  expect(even.cells[0]).toEqual([
    { shade: 1, mean: 4, fraction: 1 },
    { shade: 0, mean: 2, fraction: 0.5 },
  ]);
});

test('shares count the cells that pass, the missing ones last', () => {
  const rows = Int8Array.of(0, 0, 1, 1, -1, 0);
  const parts = Int8Array.of(0, 1, 1, -1, 0, 0);
  const { counts, totals } = shares(rows, 2, parts, 2, Uint8Array.of(1, 1, 1, 1, 1, 0));
  expect(counts.map((row) => [...row])).toEqual([
    [1, 1, 0],
    [0, 1, 1],
  ]);
  expect(totals).toEqual([2, 2]);
});

test('a scale goes from its domain to its range', () => {
  const scale = linear([0, 10], [100, 0], 5);
  expect(scale(2.5)).toBe(75);
  expect(scale.ticks).toEqual([0, 2, 4, 6, 8, 10]);
});
