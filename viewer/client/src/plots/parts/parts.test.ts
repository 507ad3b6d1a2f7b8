import { expect, test } from 'vitest';
import { linear } from '../../ui/drawing/scale';
import { brackets, clustering, MOST_ROWS } from './clustering';
import { ordered, orderWarning } from './order';
import { zScores } from './standard';

test('alike rows lie side by side', () => {
  const { order, joins } = clustering([
    [0, 0],
    [10, 10],
    [0.2, 0],
    [10, 9],
  ]);
  expect([...order].sort()).toEqual([0, 1, 2, 3]);
  expect(Math.abs(order.indexOf(0) - order.indexOf(2))).toBe(1);
  expect(Math.abs(order.indexOf(1) - order.indexOf(3))).toBe(1);
  expect(clustering([])).toEqual({ order: [], joins: [] });
  expect(joins.map(({ height }) => height).slice(0, 2)).toEqual([0.2, 1]);
  // The average of the four distances between the two pairs.
  const between = [Math.hypot(10, 10), Math.hypot(10, 9), Math.hypot(9.8, 10), Math.hypot(9.8, 9)];
  expect(joins[2]?.height).toBeCloseTo(between.reduce((sum, value) => sum + value, 0) / 4);
});

test('a scale goes from its domain to its range', () => {
  const scale = linear([0, 10], [100, 0], 5);
  expect(scale(2.5)).toBe(75);
  expect(scale.ticks).toEqual([0, 2, 4, 6, 8, 10]);
});

test('what a tree joins lies side by side, and its lines meet in the middle', () => {
  const tree = clustering([[0], [9], [1], [8.5], [4], [20], [4.4]]);
  const lines = brackets(tree);
  const rows = tree.order.map((row) => [row]);
  const leaves = new Map<number, number[]>(tree.order.map((row) => [row, [row]]));
  tree.joins.forEach(({ first, second }, k) => {
    const both = [...(leaves.get(first) ?? []), ...(leaves.get(second) ?? [])];
    leaves.set(rows.length + k, both);
    const places = both.map((row) => tree.order.indexOf(row)).sort((a, b) => a - b);
    expect((places.at(-1) ?? 0) - (places[0] ?? 0)).toBe(both.length - 1);
    const { from, to, a, b, at } = lines[k] ?? { from: 0, to: 0, a: 0, b: 0, at: 0 };
    expect(at).toBeGreaterThanOrEqual(Math.max(a, b));
    expect(Math.min(from, to)).toBeGreaterThan(places[0] ?? 0);
    expect(Math.max(from, to)).toBeLessThan((places.at(-1) ?? 0) + 1);
  });
  expect(lines.at(-1)?.at).toBe(1);
});

test('z-scores have a mean of 0 and a deviation of 1, and none where nothing varies', () => {
  const scores = zScores([1, 2, 3, 6]);
  expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(0);
  expect(scores.reduce((sum, score) => sum + score ** 2, 0)).toBeCloseTo(4);
  expect(zScores([2, 2])).toEqual([0, 0]);
});

test('more rows than the limit stay as given, with a note', () => {
  const rows = Array.from({ length: MOST_ROWS + 1 }, (_, k) => [-k]);
  const names = rows.map((_, k) => `${k}`);
  expect(() => clustering(rows)).toThrow('201 rows to cluster; the limit is 200.');
  expect(ordered(names, rows, 'cluster')).toEqual({ places: [...names.keys()], tree: null });
  expect(orderWarning('cluster', rows.length, 'genes')).toBe(
    'The 201 genes are not ordered by similarity: the limit is 200.',
  );
  expect(orderWarning('cluster', MOST_ROWS, 'genes')).toBeNull();
  expect(orderWarning('name', rows.length, 'genes')).toBeNull();
});
