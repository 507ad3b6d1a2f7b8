import { describe, expect, test } from 'vitest';
import type { Schema } from '../api/types';
import { lassoCells, simplified } from '../canvas/lasso';
import { hashOf, readHash } from './address';
import { cook, type Ingredients } from './cooking';
import type { FieldData } from './field';
import { packCells, unpackCells } from './packed';
import { paneSpecs, withActive, withPanes } from './panes';
import { readView } from './readview';
import type { Recipe } from './recipe';
import { savedView } from './saved';
import { initialView, type View, withColor, withFilter, withGenes, withPin, withScale } from './view';

const SCHEMA: Schema = {
  title: 'made',
  fingerprint: 'f1',
  version: '0',
  n_obs: 300,
  n_vars: 3,
  obs: [
    { name: 'louvain', kind: 'categorical', dtype: 'int8', n_categories: 4 },
    { name: 'n_counts', kind: 'continuous', dtype: 'float32' },
  ],
  embeddings: [
    { name: 'X_umap', dims: 2 },
    { name: 'X_pca', dims: 50 },
  ],
  matrices: [{ name: 'X', n_vars: 3, dtype: 'float32', layout: 'csr', nnz: 4 }],
  default_matrix: 'X',
  defaults: { color_by: '', embedding: '' },
  genes: { n: 3, names_from: 'index', columns: [], n_duplicated: 0 },
  cells: { names_from: 'index', n_duplicated: 0 },
  features: {},
  warnings: [],
};

/** Numbers that look random and are the same every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const next = numbers(7);
const n = SCHEMA.n_obs;
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
const INGREDIENTS: Ingredients = {
  n,
  place: async () => ({ x, y }),
  field: async (ref) => FIELDS['obs' in ref ? ref.obs : ''] as FieldData,
};

const POLYGON = [1, 1, 8, 2, 6, 9];
const B_OR_MISSING: Recipe = {
  filters: [{ field: { obs: 'louvain' }, kind: 'category', mode: 'only', codes: [1, -1] }],
};
const HIGH: Recipe = { filters: [{ field: { obs: 'n_counts' }, kind: 'range', min: 50, max: 200 }] };

describe('recipes', () => {
  const isHigh = (cell: number) => (counts[cell] as number) >= 50;
  const isB = (cell: number) => louvain[cell] === 1 || louvain[cell] === -1;
  const within = new Set(lassoCells(x, y, POLYGON));
  const cells = (test: (cell: number) => boolean) => [...Array(n).keys()].filter(test);

  test.each<[string, Recipe, (cell: number) => boolean]>([
    ['a polygon', { polygon: POLYGON, embedding: 'X_umap' }, (cell) => within.has(cell)],
    ['a category and the missing', B_OR_MISSING, isB],
    ['a range', HIGH, isHigh],
    ['all', { filters: [] }, () => true],
    ['none but', { not: HIGH }, (cell) => !isHigh(cell)],
    ['either', { join: 'add', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) || isB(cell)],
    ['both', { join: 'intersect', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) && isB(cell)],
    ['one without the other', { join: 'subtract', of: [HIGH, B_OR_MISSING] }, (cell) => isHigh(cell) && !isB(cell)],
  ])('%s', async (_, recipe, wanted) => {
    expect([...(await cook(recipe, INGREDIENTS))]).toEqual(cells(wanted));
  });

  test('lists come back as they were, whatever their runs', () => {
    for (let round = 0; round < 50; round++) {
      const share = next();
      const list = Uint32Array.from(cells(() => next() < share));
      expect([...unpackCells(packCells(list) as string, n)]).toEqual([...list]);
    }
    const far = Uint32Array.of(0, 127, 128, 129, 16_384, 4_999_999);
    expect([...unpackCells(packCells(far) as string, 5_000_000)]).toEqual([...far]);
    expect(packCells(far, 4)).toBeNull();
  });

  test('a list made up cannot name cells that are not there', () => {
    expect([...unpackCells('____________', 5)].every((cell) => cell < 5)).toBe(true);
  });
});

test('a simplified polygon stays within its tolerance and gets short', () => {
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

function kept(view: View) {
  return savedView(view, SCHEMA, (key) => (key.startsWith('obs:') ? { obs: key.slice(4) } : null), null).saved;
}

describe('a view kept', () => {
  test('comes back through an address', async () => {
    let view = initialView(SCHEMA);
    view = withColor(view, { kind: 'gene', gene: 'CD79A', matrix: 'X' });
    view = withFilter(view, 'obs:louvain', { kind: 'category', mode: 'except', codes: [2] });
    view = withFilter(view, 'obs:n_counts', { kind: 'range', min: 5, max: 50 });
    view = { ...view, embedding: 'X_pca' };
    view = withScale(view, 'obs:n_counts', { log: true, clip: [1, 99] });
    const list = { gene: 'B cells', matrix: 'X', list: { genes: ['CD79A', 'MS4A1'], method: 'score' } } as const;
    view = withPin(withGenes(view, [list]), list, true);
    const hash = await hashOf(kept(view));
    expect(hash.length).toBeLessThan(620);
    const read = readView(await readHash(`#${hash}`), SCHEMA);
    expect(read.view).toEqual({ ...view, panes: paneSpecs(view) });
    expect(read.dropped).toEqual([]);
  });

  test('has its plots side by side, and axes in place of an embedding', async () => {
    const split = withPanes(initialView(SCHEMA), 4, SCHEMA);
    expect(new Set(split.panes.map(({ color }) => JSON.stringify(color))).size).toBe(3);
    let view = withActive(split, 2);
    view = { ...view, axes: { x: { obs: 'n_counts' }, y: { gene: 'CD79A', matrix: 'X' } } };
    const read = readView(await readHash(`#${await hashOf(kept(view))}`), SCHEMA);
    expect(read.dropped).toEqual([]);
    expect(paneSpecs(read.view)).toEqual(paneSpecs(view));
    expect(read.view.active).toBe(2);
    expect(withPanes(read.view, 1, SCHEMA).axes).toEqual(view.axes);
  });

  test('of another file loses what holds for that file alone', () => {
    const view = withFilter(initialView(SCHEMA), 'obs:louvain', { kind: 'category', mode: 'except', codes: [2] });
    const other = { ...kept(view), data: 'f2', lasso: { cells: 'AAA' } };
    const read = readView(other, SCHEMA);
    expect(read.view.filters).toEqual({});
    expect(read.lasso).toBeNull();
    expect(read.dropped).toHaveLength(2);
  });

  test('may be written by hand', async () => {
    const read = readView(await readHash('#gene=CD79A&embedding=pca'), SCHEMA);
    expect(read.view.color).toEqual({ kind: 'gene', gene: 'CD79A', matrix: 'X' });
    expect(read.view.embedding).toBe('X_pca');
    expect(await readHash('#')).toBeNull();
    expect(await readHash('#somewhere')).toBeNull();
  });
});

describe('views of hostile origin', () => {
  const START = initialView(SCHEMA);
  const EVIL: unknown[] = [
    null,
    'text',
    [],
    { version: 2 },
    { version: 1, color: { kind: 'obs', column: '<img src=x onerror=alert(1)>' } },
    { version: 1, color: { kind: 'gene', gene: { toString: 1 }, matrix: 'X' } },
    { version: 1, embedding: { length: 9 }, matrix: '__proto__', genes: 'CD79A', filters: { length: 3 } },
    { version: 1, filters: [{ field: { obs: 'louvain' }, kind: 'category', mode: 'only', codes: [99] }] },
    { version: 1, filters: [{ field: { obs: 'n_counts' }, kind: 'range', min: 9, max: '1' }] },
    { version: 1, filters: [null, 3, { field: 'obs:louvain' }], camera: { x: 'a', y: 1, zoom: -1 } },
    {
      version: 1,
      lasso: { polygon: [1, 2, Number.NaN], embedding: 'X_umap' },
      setA: 3,
      setB: { cells: { cells: '!' } },
    },
    { version: 1, panes: [{ color: 3 }], active: 9, axes: { x: { obs: 'nothing' } }, subset: { cells: 4 } },
    { version: 1, lasso: Array.from({ length: 500 }).reduce((inner) => ({ not: inner }), { filters: [] }) },
  ];

  test.each(EVIL.map((evil) => [JSON.stringify(evil)?.slice(0, 60), evil]))('%s', (_, evil) => {
    const read = readView(evil, SCHEMA);
    expect(read.view).toEqual(START);
    expect([read.lasso, read.setA, read.setB, read.camera]).toEqual([null, null, null, null]);
    expect(read.dropped.length).toBeGreaterThan(0);
  });

  test('any JSON is read without a failure', () => {
    const some = (depth: number): unknown => {
      const kind = Math.floor(next() * 8);
      if (kind < 2 && depth < 4) return Array.from({ length: 3 }, () => some(depth + 1));
      const KEYS = [
        'kind',
        'field',
        'obs',
        'codes',
        'polygon',
        'join',
        'of',
        'not',
        'cells',
        'filters',
        'color',
        'lasso',
      ];
      if (kind < 5 && depth < 6) {
        const entries = Array.from({ length: 4 }, () => [KEYS[Math.floor(next() * KEYS.length)], some(depth + 1)]);
        return Object.fromEntries(entries);
      }
      return ['only', 'category', 'add', 1, -1, null, 'louvain', 1e308, true][Math.floor(next() * 9)];
    };
    for (let round = 0; round < 500; round++) {
      const evil = {
        version: 1,
        color: some(0),
        filters: some(0),
        lasso: some(0),
        setA: some(0),
        genes: some(0),
        scales: some(0),
      };
      expect(() => readView(evil, SCHEMA)).not.toThrow();
    }
  });

  test('a damaged address is an error', async () => {
    await expect(readHash('#v=notbase64!!')).rejects.toThrow();
    await expect(readHash('#v=AAAA')).rejects.toThrow();
  });
});
