import { expect, test } from 'vitest';
import type { ByCategoryResult, CategoryResult, DiffexpGene } from '../../api/types';
import type { Overview } from '../compare/byCategory.svelte';
import type { Question } from '../compare/question';
import { genesToAsk, savedOverview } from './savedOverview';

/** A category with so many genes, of which the first are significant. */
function category(name: string, n: number, significant: number): CategoryResult {
  const genes = Array.from({ length: n }, (_, k) => ({
    gene: `g${k}`,
    gene_id: `ENSG${k}`,
    log2_fold_change: 1 / 3,
    p_adjusted: k < significant ? 0.01 : 0.9,
  })) as unknown as DiffexpGene[];
  const design = { is_paired: false, coefficients: ['intercept', 'side'], problem: null, warnings: [] };
  const sizes = { n_a: 9, n_b: 9, n_samples_a: 3, n_samples_b: 3, n_tested: n, n_up: significant, n_down: 0 };
  return { name, ...sizes, ...design, genes } as CategoryResult;
}

function overviewOf(categories: readonly CategoryResult[], cells: readonly number[] = [1]): Overview {
  const result = { job_id: 'j', each: 'type', sample: 'donor', categories } as unknown as ByCategoryResult;
  const question = { groups: { a: { indices: cells }, b: 'rest' } } as unknown as Question;
  return { id: 1, names: { a: 'sick', b: 'the rest' }, question, column: 'type', result, left_out: '' };
}

function nOfGenes({ result }: { readonly result: ByCategoryResult }): number[] {
  return result.categories.map(({ genes }) => genes.length);
}

const BIG = 1 << 24;

test('all genes are saved with seven digits where there is room, without the job', () => {
  const overview = overviewOf([category('T', 300, 40), category('B', 100, 0)]);
  const saved = savedOverview(overview, overview.result, BIG);
  expect(nOfGenes(saved)).toEqual([300, 100]);
  expect([saved.a, saved.b, saved.left_out]).toEqual(['sick', 'the rest', '']);
  expect(saved.result.categories[0]?.genes[0]?.log2_fold_change).toBe(0.3333333);
  expect(saved.result).not.toHaveProperty('job_id');
  expect(saved.question).toBe(overview.question);
});

test('without room for all, the significant genes and the best of each category are saved, and it is said', () => {
  const overview = overviewOf([category('T', 300, 40), category('B', 100, 0)]);
  const saved = savedOverview(overview, overview.result, 10_000);
  expect(nOfGenes(saved)).toEqual([40, 20]);
  expect(saved.left_out).toContain('60 of 400 tested genes, among them all significant ones');
  expect(saved.left_out).toContain('max_saved_item_bytes');
  expect(JSON.stringify(saved).length).toBeLessThanOrEqual(10_000);
});

test('genes that the server did not send are not called saved', () => {
  const overview = overviewOf([{ ...category('T', 50, 60), n_tested: 900 }]);
  expect(savedOverview(overview, overview.result, BIG).left_out).toContain('50 of 900 tested genes, the best of each');
});

test('the overview itself fits where the significant genes do not', () => {
  const overview = overviewOf([category('T', 300, 300), category('B', 300, 300)]);
  const saved = savedOverview(overview, overview.result, 3_000);
  expect(JSON.stringify(saved).length).toBeLessThanOrEqual(3_000);
  expect(saved.result.categories.map(({ n_up }) => n_up)).toEqual([300, 300]);
});

test('a question of too many cells is left out', () => {
  const cells = Array.from({ length: 5000 }, (_, k) => 2 * k);
  const overview = overviewOf([category('T', 5, 5)], cells);
  expect(savedOverview(overview, overview.result, 20_000).question).toBe(null);
});

test('no more genes are asked for than are tested, or than may be saved', () => {
  const { result } = overviewOf([category('T', 300, 40), category('B', 100, 0)]);
  expect(genesToAsk(result, BIG)).toBe(300);
  expect(genesToAsk(result, 10_000)).toBeLessThan(150);
  expect(genesToAsk(result, 1)).toBe(20);
});
