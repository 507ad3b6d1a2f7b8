import { describe, expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import { hashOf, readHash } from './address';
import { paneSpecs, withActive, withPanes } from './panes';
import { readView } from './readView';
import { savedView } from './savedView';
import { initialView, type View, withColor, withFilter, withGenes, withPin, withScale } from './view';

const SCHEMA: Schema = {
  title: 'made',
  content: 'AnnData',
  container: 'HDF5',
  fingerprint: 'f1',
  version: '0',
  n_obs: 300,
  n_vars: 3,
  obs: [
    { name: 'louvain', kind: 'categorical', dtype: 'int8', n_categories: 4 },
    { name: 'n_counts', kind: 'continuous', dtype: 'float32' },
  ],
  embeddings: [
    { name: 'X_umap', dims: 2, library: null },
    { name: 'X_pca', dims: 50, library: null },
  ],
  modalities: [],
  matrices: [
    { name: 'X', modality: null, n_vars: 3, dtype: 'float32', layout: 'csr', nnz: 4, scale: 'log1p', log_base: Math.E },
  ],
  methods: [],
  fold_changes: [],
  default_matrix_reason: '',
  default_matrix: 'X',
  obsp: [],
  ...{ revision: '', about: '', images: [], slides: [] },
  defaults: { color_by: '', embedding: '', min_fraction: 0.1 },
  genes: { n: 3, names_from: 'index', columns: [], n_duplicated: 0 },
  cells: { names_from: 'index' },
  max_saved_item_bytes: 1 << 24,
  finish_key: '',
  features: { diffexp: true, genesets: true, finish: false, terms: false, outputs: false },
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

function saved(view: View) {
  return savedView(view, SCHEMA, (key) => (key.startsWith('obs:') ? { obs: key.slice(4) } : null), null).saved;
}

describe('a saved view', () => {
  test('is read from its link', async () => {
    let view = initialView(SCHEMA);
    view = withColor(view, { kind: 'gene', gene: 'CD79A', matrix: 'X' });
    view = withFilter(view, 'obs:louvain', { kind: 'category', mode: 'except', codes: [2] });
    view = withFilter(view, 'obs:n_counts', { kind: 'range', min: 5, max: 50 });
    view = { ...view, embedding: 'X_pca' };
    view = withScale(view, 'obs:n_counts', { log: true, clip: [1, 99] });
    const list = { gene: 'B cells', matrix: 'X', list: { genes: ['CD79A', 'MS4A1'], method: 'score' } } as const;
    view = withPin(withGenes(view, [list]), list, true);
    const hash = await hashOf(saved(view));
    expect(hash.length).toBeLessThan(620);
    const read = readView(await readHash(`#${hash}`), SCHEMA);
    expect(read.view).toEqual({ ...view, panes: paneSpecs(view) });
    expect(read.dropped).toEqual([]);
  });

  test('includes plots side by side and axes', async () => {
    const split = withPanes(initialView(SCHEMA), 4, SCHEMA);
    expect(new Set(split.panes.map(({ color }) => JSON.stringify(color))).size).toBe(3);
    let view = withActive(split, 2);
    view = { ...view, axes: { x: { obs: 'n_counts' }, y: { gene: 'CD79A', matrix: 'X' } } };
    const read = readView(await readHash(`#${await hashOf(saved(view))}`), SCHEMA);
    expect(read.dropped).toEqual([]);
    expect(paneSpecs(read.view)).toEqual(paneSpecs(view));
    expect(read.view.active).toBe(2);
    expect(withPanes(read.view, 1, SCHEMA).axes).toEqual(view.axes);
  });

  test('of another file loses categories and lists of cells', () => {
    const view = withFilter(initialView(SCHEMA), 'obs:louvain', { kind: 'category', mode: 'except', codes: [2] });
    const other = { ...saved(view), data: 'f2', lasso: { cells: 'AAA' } };
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

  test('any JSON is read without an exception', () => {
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
