import { describe, expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import { type CategoryFilter, columnCheck, isShown, shownCodes, soloed, toggled } from './fieldFilter';
import { geneKey } from './fieldRef';
import {
  initialView,
  isFiltered,
  MAX_GENES,
  withColor,
  withFilter,
  withGenes,
  withoutFilters,
  withoutGene,
  withPin,
  withScale,
} from './view';

const SCHEMA: Schema = {
  title: 'made',
  content: 'AnnData',
  container: 'HDF5',
  fingerprint: '0',
  version: '0',
  n_obs: 10,
  n_vars: 3,
  obs: [
    { name: 'n_counts', kind: 'continuous', dtype: 'float32' },
    { name: 'sample', kind: 'categorical', dtype: 'int8', n_categories: 2 },
    { name: 'louvain', kind: 'categorical', dtype: 'int8', n_categories: 11 },
    { name: 'Cell Type', kind: 'categorical', dtype: 'int8', n_categories: 5 },
    { name: 'cell_type_id', kind: 'categorical', dtype: 'int16', n_categories: 5000 },
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
const CODES = [0, 1, 2, -1];

describe('the first view', () => {
  test('has the colours of the cell types', () => {
    expect(initialView(SCHEMA).color).toEqual({ kind: 'obs', column: 'Cell Type' });
    expect(initialView(SCHEMA).embedding).toBe('X_umap');
  });

  test('falls back to clusters, any category, a measurement, nothing', () => {
    const color = (obs: Schema['obs']) => initialView({ ...SCHEMA, obs }).color;
    expect(color(SCHEMA.obs.slice(0, 3))).toEqual({ kind: 'obs', column: 'louvain' });
    expect(color(SCHEMA.obs.slice(0, 2))).toEqual({ kind: 'obs', column: 'sample' });
    expect(color(SCHEMA.obs.slice(0, 1))).toEqual({ kind: 'obs', column: 'n_counts' });
    expect(color([])).toEqual({ kind: 'none' });
  });
});

describe('the defaults of the operator', () => {
  const opened = (color_by: string, embedding = '') =>
    initialView({ ...SCHEMA, defaults: { color_by, embedding, min_fraction: 0.1 } });

  test('are a column, or a gene, which is then recent', () => {
    const { name } = SCHEMA.obs[0] as Schema['obs'][number];
    expect(opened(name).color).toEqual({ kind: 'obs', column: name });
    const gene = { gene: 'CD3D', matrix: 'X' };
    expect(opened('CD3D').color).toEqual({ kind: 'gene', ...gene });
    expect(opened('CD3D').genes).toEqual([gene]);
  });

  test('are an embedding, with or without its prefix; an unknown one is ignored', () => {
    const last = SCHEMA.embeddings.at(-1)?.name ?? '';
    expect(opened('', last).embedding).toBe(last);
    expect(opened('', last.replace(/^X_/, '')).embedding).toBe(last);
    expect(opened('', 'nowhere').embedding).toBe(SCHEMA.embeddings[0]?.name);
  });
});

describe('category filters', () => {
  test('hide one category and show it again', () => {
    const hidden = toggled(undefined, 1, CODES);
    expect(CODES.map((code) => isShown(hidden ?? undefined, code))).toEqual([true, false, true, true]);
    expect(toggled(hidden ?? undefined, 1, CODES)).toBeNull();
  });

  test('show one category only, then all', () => {
    const alone = soloed(undefined, -1, CODES);
    expect(CODES.filter((code) => isShown(alone ?? undefined, code))).toEqual([-1]);
    expect(soloed(alone ?? undefined, -1, CODES)).toBeNull();
  });

  test('are removed once every category passes', () => {
    const only: CategoryFilter = { kind: 'category', mode: 'only', codes: [0, 1, 2] };
    expect(toggled(only, -1, CODES)).toBeNull();
  });

  test('have a checkbox of three states', () => {
    expect(columnCheck(undefined, CODES)).toBe('all');
    expect(columnCheck({ kind: 'category', mode: 'except', codes: [0] }, CODES)).toBe('some');
    expect(columnCheck({ kind: 'category', mode: 'only', codes: [] }, CODES)).toBe('none');
  });

  test('have the codes that pass', () => {
    expect(shownCodes({ kind: 'category', mode: 'except', codes: [1] }, 3)).toEqual({ allowed: [0, 2], missing: true });
    expect(shownCodes({ kind: 'category', mode: 'only', codes: [1] }, 3)).toEqual({ allowed: [1], missing: false });
    expect(shownCodes({ kind: 'category', mode: 'except', codes: [-1] }, 1)).toEqual({ allowed: [0], missing: false });
  });
});

describe('genes', () => {
  const view = initialView(SCHEMA);

  test('are listed once, the newest first, up to a limit', () => {
    let now = view;
    for (let k = 0; k < MAX_GENES + 5; k++) now = withColor(now, { kind: 'gene', gene: `G${k}`, matrix: 'X' });
    expect(now.genes).toHaveLength(MAX_GENES);
    expect(now.genes[0]).toEqual({ gene: `G${MAX_GENES + 4}`, matrix: 'X' });
    const again = withColor(now, { kind: 'gene', gene: 'G20', matrix: 'X' });
    expect(again.genes).toBe(now.genes);
  });

  test('are removed with their colours and filters', () => {
    const colored = withColor(view, { kind: 'gene', gene: 'G', matrix: 'X' });
    const filtered = withFilter(colored, 'gene:X:G', { kind: 'range', min: 0, max: 1 });
    expect(isFiltered(filtered)).toBe(true);
    const left = withoutGene(filtered, { gene: 'G', matrix: 'X' });
    expect(left.genes).toEqual([]);
    expect(left.color).toEqual({ kind: 'none' });
    expect(isFiltered(left)).toBe(false);
  });
});

describe('pinned genes and scales', () => {
  const view = initialView(SCHEMA);
  const gene = (k: number) => ({ gene: `G${k}`, matrix: 'X' });

  test('a pinned gene stays until it is removed', () => {
    let now = withPin(withGenes(view, [gene(0)]), gene(0), true);
    for (let k = 1; k < 2 * MAX_GENES; k++) now = withGenes(now, [gene(k)]);
    expect(now.genes).toHaveLength(MAX_GENES);
    expect(now.genes).toContainEqual(gene(0));
    expect(withoutGene(now, gene(0)).pinned).toEqual([]);
  });

  test('a list of genes is another entry than a gene of its name', () => {
    const list = { ...gene(1), list: { genes: ['A', 'B'], method: 'mean' } } as const;
    const now = withColor(withGenes(view, [gene(1)]), { kind: 'gene', ...list });
    expect(now.genes).toEqual([list, gene(1)]);
    expect(geneKey({ ...list, list: { ...list.list, method: 'score' } })).not.toBe(geneKey(list));
  });

  test('the default scale is not stored', () => {
    const log = withScale(view, 'obs:a', { log: true, clip: null });
    expect(log.scales).toEqual({ 'obs:a': { log: true, clip: null } });
    expect(withScale(log, 'obs:a', { log: false, clip: null }).scales).toEqual({});
  });
});

test('filters are cleared with the lasso', () => {
  const view = withFilter({ ...initialView(SCHEMA), lasso: { id: 1, n: 2 } }, 'obs:a', {
    kind: 'range',
    min: 0,
    max: 1,
  });
  expect(isFiltered(withoutFilters(view))).toBe(false);
});
