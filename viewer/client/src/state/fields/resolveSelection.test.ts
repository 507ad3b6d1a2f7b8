import { describe, expect, test } from 'vitest';
import { lassoCells, simplified } from '../../canvas/lasso';
import { packCells, unpackCells } from '../view/cellListCodec';
import type { SelectionExpression } from '../view/selectionExpression';
import type { FieldData } from './field';
import { type DataSource, resolveSelection } from './resolveSelection';

/** Numbers that look random and are the same every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const next = numbers(7);
const n = 300;
const x = Float32Array.from({ length: n }, () => next() * 10);
const y = Float32Array.from({ length: n }, () => next() * 10);
const louvain = Int8Array.from({ length: n }, () => Math.floor(next() * 5) - 1);
const counts = Float32Array.from({ length: n }, (_, k) => (k % 17 === 0 ? Number.NaN : next() * 100));
const FIELDS: Record<string, FieldData> = {
  louvain: {
    kind: 'category',
    key: 'obs:louvain',
    title: 'louvain',
    values: louvain,
    categories: ['a', 'b', 'c', 'd'],
    colors: null,
    hasMissing: true,
  },
  n_counts: {
    kind: 'range',
    key: 'obs:n_counts',
    title: 'n_counts',
    values: counts,
    missing: null,
    isDate: false,
    gene: null,
  },
};
const SOURCE: DataSource = {
  n,
  place: async () => ({ x, y }),
  field: async (ref) => FIELDS['obs' in ref ? ref.obs : ''] as FieldData,
};

const POLYGON = [1, 1, 8, 2, 6, 9];
const B_OR_MISSING: SelectionExpression = {
  filters: [{ field: { obs: 'louvain' }, kind: 'category', mode: 'only', codes: [1, -1] }],
};
const HIGH: SelectionExpression = { filters: [{ field: { obs: 'n_counts' }, kind: 'range', min: 50, max: 200 }] };

describe('expressions', () => {
  const isHigh = (cell: number) => (counts[cell] as number) >= 50;
  const isB = (cell: number) => louvain[cell] === 1 || louvain[cell] === -1;
  const within = new Set(lassoCells(x, y, POLYGON));
  const cells = (test: (cell: number) => boolean) => [...Array(n).keys()].filter(test);

  test.each<[string, SelectionExpression, (cell: number) => boolean]>([
    ['a polygon', { polygon: POLYGON, embedding: 'X_umap' }, (cell) => within.has(cell)],
    ['a category and the missing', B_OR_MISSING, isB],
    ['a range', HIGH, isHigh],
    ['all', { filters: [] }, () => true],
    ['none but', { not: HIGH }, (cell) => !isHigh(cell)],
    ['either', { join: 'add', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) || isB(cell)],
    ['both', { join: 'intersect', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) && isB(cell)],
    ['one without the other', { join: 'subtract', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) && !isB(cell)],
  ])('%s', async (_, expression, wanted) => {
    expect([...(await resolveSelection(expression, SOURCE))]).toEqual(cells(wanted));
  });

  test('lists are decoded as they were encoded', () => {
    for (let round = 0; round < 50; round++) {
      const share = next();
      const list = Uint32Array.from(cells(() => next() < share));
      expect([...unpackCells(packCells(list) as string, n)]).toEqual([...list]);
    }
    const far = Uint32Array.of(0, 127, 128, 129, 16_384, 4_999_999);
    expect([...unpackCells(packCells(far) as string, 5_000_000)]).toEqual([...far]);
    expect(packCells(far, 4)).toBeNull();
  });

  test('an invalid list has no cells beyond the dataset', () => {
    expect([...unpackCells('____________', 5)].every((cell) => cell < 5)).toBe(true);
  });
});

test('a simplified polygon is short and within its tolerance', () => {
  const circle = Array.from({ length: 800 }, (_, k) =>
    k % 2 ? Math.sin(((k - 1) * Math.PI) / 400) : Math.cos((k * Math.PI) / 400),
  );
  const simple = simplified(circle, 0.01);
  expect(simple.length).toBeLessThan(110);
  for (let k = 0; k < simple.length; k += 2) {
    expect(Math.hypot(simple[k] as number, simple[k + 1] as number)).toBeCloseTo(1, 2);
  }
  const inside = lassoCells(
    x,
    y,
    simple.map((value) => 5 + 4 * value),
  ).length;
  const exact = lassoCells(
    x,
    y,
    circle.map((value) => 5 + 4 * value),
  ).length;
  expect(Math.abs(inside - exact)).toBeLessThanOrEqual(2);
});
