import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import { hashOf, readHash } from './address';
import { packCells, unpackCells } from './cellListCodec';
import { type Axes, type FieldRef, type GeneRef, keyOf } from './fieldRef';
import { paneSpecs } from './panes';
import { readView } from './readView';
import { type Camera, savedView } from './savedView';
import type { SelectionExpression } from './selectionExpression';
import {
  type CellsRef,
  type ColorBy,
  initialView,
  type View,
  withColor,
  withFilter,
  withGenes,
  withPin,
  withScale,
} from './view';

// Names may contain any text: markup, quotes, lone surrogates.
const NAME = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
const names = fc.uniqueArray(NAME, { minLength: 1, maxLength: 4 });
const NUMBER = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

const SCHEMA = fc
  .record({
    categories: names,
    numbers: names,
    embeddings: names,
    matrices: names,
    obsp: names,
    n: fc.integer({ min: 1, max: 5000 }),
  })
  .map(
    ({ categories, numbers, embeddings, matrices, obsp, n }): Schema => ({
      title: 'made',
      content: 'AnnData',
      container: 'HDF5',
      fingerprint: 'f1',
      version: '0',
      n_obs: n,
      n_vars: 3,
      obs: [
        ...categories.map(
          (name) => ({ name: `c${name}`, kind: 'categorical', dtype: 'int8', n_categories: 4 }) as const,
        ),
        ...numbers.map((name) => ({ name: `n${name}`, kind: 'continuous', dtype: 'float32' }) as const),
      ],
      embeddings: embeddings.map((name) => ({ name, dims: 2, library: null })),
      obsp: obsp,
      modalities: [],
      matrices: matrices.map(
        (name) =>
          ({
            name,
            modality: null,
            n_vars: 3,
            dtype: 'float32',
            layout: 'csr',
            nnz: 4,
            scale: 'log1p',
            log_base: Math.E,
          }) as const,
      ),
      default_matrix: matrices[0] ?? null,
      methods: [],
      fold_changes: [],
      default_matrix_reason: '',
      ...{ revision: '', about: '', images: [], slides: [] },
      defaults: { color_by: '', embedding: '', min_fraction: 0.1 },
      genes: { n: 3, names_from: 'index', columns: [], n_duplicated: 0 },
      cells: { names_from: 'index' },
      max_saved_item_bytes: 1 << 24,
      finish_key: '',
      features: { diffexp: true, genesets: true, finish: false, terms: false, outputs: false },
      warnings: [],
    }),
  );

interface Made {
  view: View;
  camera: Camera | null;
  /** The fields by key. */
  refs: ReadonlyMap<string, FieldRef>;
}

/** Generate views by the steps of the page itself. */
function viewOf(schema: Schema): fc.Arbitrary<Made> {
  const column = fc.constantFrom(...schema.obs.map(({ name }) => name));
  const embedding = fc.constantFrom(...schema.embeddings.map(({ name }) => name));
  const matrix = fc.constantFrom(...schema.matrices.map(({ name }) => name));
  const cell = fc.nat({ max: schema.n_obs - 1 });
  const list = fc.record({
    genes: fc.array(NAME, { minLength: 1, maxLength: 5 }),
    method: fc.constantFrom('mean', 'score'),
  });
  const gene: fc.Arbitrary<GeneRef> = fc.record({ gene: NAME, matrix, list }, { requiredKeys: ['gene', 'matrix'] });
  const row = fc.record({ obsp: fc.constantFrom(...(schema.obsp ?? [])), cell });
  const level = fc.record({
    level: fc.integer({ min: 1, max: 9 }),
    of: fc.oneof(fc.record({ obs: column }), fc.record({ annotation: NAME })),
  });
  const field: fc.Arbitrary<FieldRef> = fc.oneof(
    fc.record({ obs: column }),
    fc.record({ annotation: NAME }),
    level,
    gene,
    row,
  );
  const axes: fc.Arbitrary<Axes> = fc.record({ x: field, y: field });
  const color: fc.Arbitrary<ColorBy> = fc.oneof(
    fc.constant({ kind: 'none' } as const),
    column.map((name) => ({ kind: 'obs', column: name }) as const),
    NAME.map((annotation) => ({ kind: 'annotation', annotation }) as const),
    level.map((ref) => ({ kind: 'level', ...ref }) as const),
    gene.map((ref) => ({ kind: 'gene', ...ref }) as const),
    row.map((ref) => ({ kind: 'obsp', ...ref }) as const),
    fc.record({ kind: fc.constant('pair' as const), a: field, b: field }),
  );
  const range = fc
    .tuple(NUMBER, NUMBER)
    .map(([a, b]) => ({ kind: 'range', min: Math.min(a, b), max: Math.max(a, b) }) as const);
  const codes = fc.uniqueArray(fc.integer({ min: -1, max: 3 }), { maxLength: 5 });
  const only = fc.record({ kind: fc.constant('category' as const), mode: fc.constantFrom('only', 'except'), codes });
  const kinds = schema.obs.filter(({ kind }) => kind === 'categorical').map(({ name }) => ({ obs: name }));
  const named = fc.oneof(
    fc.tuple(field, range).map(([ref, filter]) => ({ field: ref, ...filter })),
    fc
      .tuple(fc.oneof(fc.constantFrom(...kinds), fc.record({ annotation: NAME })), only)
      .map(([ref, filter]) => ({ field: ref, ...filter })),
  );
  const polygon = fc.array(NUMBER, { maxLength: 12 });
  const angle = (min: number, max: number) =>
    fc.integer({ min: min * 10_000, max: max * 10_000 }).map((n) => n / 10_000);
  const rotation = fc.tuple(angle(0, 6), angle(-1, 1));
  const { expression } = fc.letrec<{ expression: SelectionExpression }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 4 },
      fc.record({ polygon, embedding, rotation }, { requiredKeys: ['polygon', 'embedding'] }),
      fc.record({ polygon, axes }),
      fc.record({ filters: fc.array(named, { maxLength: 3 }) }),
      fc.uniqueArray(cell).map((some) => ({ cells: packCells(Uint32Array.from(some).sort()) as string })),
      fc.record({ not: tie('expression') }),
      fc.record({
        join: fc.constantFrom('add', 'subtract', 'intersect'),
        of: fc.tuple(tie('expression'), tie('expression')),
      }),
    ),
  }));
  const cells: fc.Arbitrary<CellsRef> = fc.record({ id: fc.nat(), n: fc.nat(), expression });
  const set = fc.record(
    { id: fc.nat(), n: fc.nat(), expression, name: NAME },
    { requiredKeys: ['id', 'n', 'expression'] },
  );
  const pane = fc.record({ embedding, axes: fc.option(axes), color });
  const scale = fc.record({
    field,
    log: fc.boolean(),
    clip: fc.option(fc.constantFrom([1, 99] as const, [0, 50.5] as const)),
  });
  return fc
    .record({
      shown: pane,
      beside: fc.oneof(fc.constant([]), fc.tuple(pane), fc.tuple(pane, pane, pane)),
      active: fc.nat({ max: 3 }),
      genes: fc.array(gene, { maxLength: 25 }),
      pins: fc.array(fc.nat({ max: 19 }), { maxLength: 4 }),
      filters: fc.array(named, { maxLength: 4 }),
      scales: fc.array(scale, { maxLength: 4 }),
      rest: fc.record({
        gallery: fc.oneof(
          fc.constantFrom(null, { kind: 'genes' } as const),
          column.map((name) => ({ kind: 'categories', column: name }) as const),
        ),
        names: fc.option(field),
        focus: fc.option(cell),
        subset: fc.option(set),
        matrix,
        lasso: fc.option(cells),
        setA: fc.option(set),
        setB: fc.oneof(fc.constant('rest' as const), set),
        tissue: fc.record({
          turns: fc.constantFrom(0, 1, 2, 3),
          flipped: fc.boolean(),
          image: fc.boolean(),
          trueSize: fc.boolean(),
          opacity: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
          brightness: fc.double({ min: 0.2, max: 3, noNaN: true }),
        }),
        overlays: fc.record({
          paga: fc.option(fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)),
          velocity: fc.option(fc.integer({ min: 10, max: 60 })),
        }),
      }),
      camera: fc.option(fc.record({ x: NUMBER, y: NUMBER, zoom: fc.double({ min: 0.1, max: 1e4, noNaN: true }) })),
    })
    .map(({ shown, beside, active, genes, pins, filters, scales, rest, camera }) => {
      const at = Math.min(active, beside.length);
      let view: View = { ...initialView(schema), ...rest, ...shown, active: at };
      view = { ...view, panes: [...beside.slice(0, at), shown, ...beside.slice(at)] };
      view = withColor(withGenes(view, genes), shown.color);
      for (const { field: ref, ...filter } of filters) view = withFilter(view, keyOf(ref), filter);
      for (const { field: ref, ...how } of scales) view = withScale(view, keyOf(ref), how);
      for (const k of pins) if (view.genes[k]) view = withPin(view, view.genes[k], true);
      const fields = [...view.genes, ...[...filters, ...scales].map(({ field: ref }) => ref)];
      return { view, camera, refs: new Map(fields.map((ref) => [keyOf(ref), ref])) };
    });
}

test('any view is read unchanged from its link', async () => {
  const made = SCHEMA.chain((schema) => fc.record({ schema: fc.constant(schema), kept: viewOf(schema) }));
  await fc.assert(
    fc.asyncProperty(made, async ({ schema, kept: { view, camera, refs } }) => {
      const { saved, omitted } = savedView(view, schema, (key) => refs.get(key) ?? null, camera);
      expect(omitted).toEqual([]);
      const hash = await hashOf(saved);
      expect(hash).toMatch(/^v=[\w-]+$/);
      const read = readView(await readHash(`#${hash}`), schema);
      expect(read.dropped).toEqual([]);
      const { lasso, setA, setB, subset } = view;
      expect(read.view).toEqual({
        ...view,
        panes: paneSpecs(view),
        lasso: null,
        setA: null,
        setB: 'rest',
        subset: null,
      });
      const set = (ref: CellsRef | null) =>
        ref && { cells: ref.expression, ...(ref.name === undefined ? {} : { name: ref.name }) };
      expect(read.lasso).toEqual(lasso?.expression ?? null);
      expect([read.setA, read.subset]).toEqual([set(setA), set(subset)]);
      expect(read.setB).toEqual(setB === 'rest' ? null : set(setB));
      expect(read.camera).toEqual(camera);
    }),
    { numRuns: 100 },
  );
});

test('any JSON is read as a valid view', () => {
  const start = fc.sample(SCHEMA, { numRuns: 1, seed: 1 })[0] as Schema;
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.dictionary(
        fc.constantFrom(
          'color',
          'filters',
          'lasso',
          'setA',
          'genes',
          'panes',
          'scales',
          'camera',
          'axes',
          'active',
          'focus',
          'gallery',
          'pinned',
          'subset',
          'tissue',
          'overlays',
        ),
        fc.jsonValue(),
      ),
      (any, parts) => {
        for (const value of [any, { version: 1, ...parts }]) {
          const { view } = readView(value, start);
          const { saved } = savedView(view, start, () => null, null);
          const again = readView(JSON.parse(JSON.stringify(saved)), start);
          expect(again.dropped).toEqual([]);
          expect(paneSpecs(again.view)).toEqual(paneSpecs(view));
          expect(again.view.genes).toEqual(view.genes);
          expect([again.view.tissue, again.view.overlays]).toEqual([view.tissue, view.overlays]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('any list of cells is decoded unchanged', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 6_000_000 }), { maxLength: 300 }), (some) => {
      const cells = Uint32Array.from(some).sort();
      expect(unpackCells(packCells(cells) as string, 6_000_001)).toEqual(cells);
    }),
  );
});
