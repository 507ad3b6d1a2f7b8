import { expect, test } from 'vitest';
import type { DiffexpGene, Scale } from '../api/types';
import { METHOD } from '../state/compare/methodFixture';
import { bars, tallest } from '../ui/drawing/bars';
import { columnsOf, nextSorting, tableRows } from './compare/table';
import { type CategoryOrder, inOrder, nextOrder } from './fields/order';
import { stepsOf } from './fields/steps';

function gene(name: string, change: number | null): DiffexpGene {
  return {
    gene: name,
    gene_id: null,
    log2_fold_change: change,
    score: change,
    p_value: change,
    p_adjusted: change,
    mean_a: 0,
    mean_b: 0,
    fraction_a: 0,
    fraction_b: 0,
    auc: null,
  };
}

const GENES = [gene('B', 1), gene('A', null), gene('CD3', -2), gene('D', 5)];

function names(text: string, key: 'gene' | 'log2_fold_change' | null, down = false): string[] {
  return tableRows(GENES, text, key && { key, down }).map((row) => row.gene);
}

test('rows come as the server sent them, then as asked for, undefined ones last', () => {
  expect(names('', null)).toEqual(['B', 'A', 'CD3', 'D']);
  expect(names('', 'log2_fold_change', true)).toEqual(['D', 'B', 'CD3', 'A']);
  expect(names('', 'log2_fold_change')).toEqual(['CD3', 'B', 'D', 'A']);
  expect(names('', 'gene')).toEqual(['A', 'B', 'CD3', 'D']);
  expect(names('d', 'gene', true)).toEqual(['D', 'CD3']);
});

test('by fold change, genes that cells express come first', () => {
  const rare = { ...gene('RARE', 9), fraction_a: 0.01 };
  const common = { ...gene('COMMON', 1), fraction_b: 0.4 };
  const lower = { ...gene('LOWER', -3), fraction_a: 0.4 };
  const sorted = (down: boolean) =>
    tableRows([rare, lower, common], '', { key: 'log2_fold_change', down }).map((row) => row.gene);
  expect(sorted(true)).toEqual(['COMMON', 'LOWER', 'RARE']);
  expect(sorted(false)).toEqual(['LOWER', 'COMMON', 'RARE']);
});

test('p-values of 0 are sorted by the size of the score, an infinite one first', () => {
  const zero = (name: string, score: number | null) => ({ ...gene(name, 0), score });
  const rows = [zero('A', 3), zero('B', -40), zero('INFINITE', null), { ...gene('C', 1), score: 50 }];
  const names = tableRows(rows, '', { key: 'p_adjusted', down: false }).map((row) => row.gene);
  expect(names).toEqual(['INFINITE', 'B', 'A', 'C']);
});

test('genes are found by their ids, which have a column if there are any', () => {
  const known = [{ ...gene('CD3D', 1), gene_id: 'ENSG00000167286' }, gene('MS4A1', 1)];
  expect(tableRows(known, 'ensg00000167286', null).map((row) => row.gene)).toEqual(['CD3D']);
  const keys = (genes: readonly DiffexpGene[]) =>
    columnsOf({ method: METHOD, result: { scale: 'log1p' } }, genes, true).map(({ key }) => key);
  expect(keys(known)).toContain('gene_id');
  expect(keys(GENES)).not.toContain('gene_id');
});

test('a heading sorts the useful way first', () => {
  expect(nextSorting(null, 'p_adjusted')).toEqual({ key: 'p_adjusted', down: false });
  expect(nextSorting(null, 'score')).toEqual({ key: 'score', down: true });
  expect(nextSorting({ key: 'score', down: true }, 'score')).toEqual({ key: 'score', down: false });
});

test('one bar far above the others runs out of the picture', () => {
  expect(tallest(Uint32Array.of(1, 5, 3))).toBe(5);
  expect(tallest(Uint32Array.of(1000, 10, 3))).toBe(16);
  expect(tallest(Uint32Array.of(0, 7, 0))).toBe(7);
  expect(tallest(Uint32Array.of(0, 0))).toBe(1);
});

test('bars stand on the lower edge, and few cells are still seen', () => {
  expect(bars(Uint32Array.of(0, 10, 1), 30, 20, 10)).toBe('M10.00 20v-20.00h9.00v20.00zM20.00 20v-2.00h9.00v2.00z');
  expect(bars(Uint32Array.of(1), 4, 20, 1000)).toContain('v-1.00');
});

test('categories are listed by name as people count, or by size, missing ones last', () => {
  const names = ['c10', 'c9', 'B'];
  const cells = [5, 7, 7];
  const order = (how: CategoryOrder) =>
    inOrder(
      [0, 1, 2, -1],
      how,
      (code) => names[code] ?? '',
      (code) => cells[code] ?? 99,
    );
  expect(order('file')).toEqual([0, 1, 2, -1]);
  expect(order('name')).toEqual([2, 1, 0, -1]);
  expect(order('count')).toEqual([1, 2, 0, -1]);
  expect([nextOrder('file'), nextOrder('count')]).toEqual(['name', 'file']);
});

test('steps of a colour keep missing and zero apart', () => {
  const { values, size, shown } = stepsOf(Uint8Array.of(0, 1, 2, 255), true);
  expect([...values]).toEqual([-1, 0, 1, size - 1]);
  expect(shown).toHaveLength(size);
  expect(shown[0]).toBe(1);
  expect([...stepsOf(Uint8Array.of(0, 1, 255), false).values]).toEqual([-1, 0, 15]);
});

test('the table of a comparison has the columns that its method and scale define', () => {
  const keys = (method: object, scale: Scale, wide: boolean) =>
    columnsOf({ method: { ...METHOD, ...method }, result: { scale } }, GENES, wide).map(({ key }) => key);
  expect(keys({}, 'log1p', false)).toEqual(['gene', 'log2_fold_change', 'p_adjusted', 'score']);
  expect(keys({}, 'signed', false)).toEqual(['gene', 'p_adjusted', 'score', 'mean_a']);
  expect(keys({}, 'log1p', true)).toContain('auc');
  expect(keys({ columns: ['gene', 'score'] }, 'log1p', true)).toEqual(['gene', 'score']);
});
