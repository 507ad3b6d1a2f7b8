/** Comparisons within each category as they are saved: all genes if there is room, else the significant ones. */
import type { ByCategoryResult, CategoryResult, DiffexpGene } from '../../api/types';
import { bytes, count } from '../../ui/format';
import type { Made, Overview } from '../compare/byCategory.svelte';
import { rounded } from './rounded';

/** Genes of each category that are saved if the significant ones are fewer, so that the overview is complete. */
const FEWEST = 20;
/** The share of the room that the question takes at most: sets that were selected by hand are lists of cells. */
const OF_QUESTION = 0.25;

/** A comparison within each category as it is saved. */
export interface SavedOverview extends Made {
  readonly version: 1;
  readonly a: string;
  readonly b: string;
}

/** Return the genes of each category to ask for, so that no more than about twice the room is downloaded. */
export function genesToAsk({ categories }: ByCategoryResult, room: number): number {
  const most = Math.max(0, ...categories.map(({ n_tested }) => n_tested));
  const each = sizeOf(categories) * categories.length;
  return Math.max(FEWEST, Math.min(most, Math.floor((2 * room) / each)));
}

/** Return what is saved of a comparison, in no more bytes than there is room for. */
export function savedOverview(overview: Overview, result: ByCategoryResult, room: number): SavedOverview {
  const { names, column, question } = overview;
  const { job_id: _job, ...rest } = result;
  const fits = lengthOf(question) <= OF_QUESTION * room;
  const whole: SavedOverview = {
    ...{ version: 1, ...names, names, column, question: fits ? question : null, left_out: '' },
    result: { ...rest, categories: result.categories.map((one) => ({ ...one, genes: one.genes.map(rounded) })) },
  };
  // a category with fewer genes than another was not cut off
  const most = Math.max(0, ...result.categories.map(({ genes }) => genes.length));
  const isWhole = result.categories.every(({ genes, n_tested }) => genes.length === n_tested || genes.length < most);
  if (isWhole && lengthOf(whole) <= room) return whole;
  const significant = reduced(whole, room, ({ n_up, n_down }) => Math.max(n_up + n_down, FEWEST));
  if (lengthOf(significant) <= room) return significant;
  for (let n = FEWEST; n > 0; n >>= 1) {
    const fewer = reduced(whole, room, () => n);
    if (lengthOf(fewer) <= room) return fewer;
  }
  return reduced(whole, room, () => 0);
}

/** Return a saved comparison with the best genes of each category, saying what is left out. */
function reduced(whole: SavedOverview, room: number, nOf: (category: CategoryResult) => number): SavedOverview {
  const categories = whole.result.categories.map((one) => ({ ...one, genes: one.genes.slice(0, nOf(one)) }));
  const kept = categories.reduce((sum, { genes }) => sum + genes.length, 0);
  const tested = categories.reduce((sum, { n_tested }) => sum + n_tested, 0);
  const hasAll = categories.every(({ genes, n_up, n_down }) => genes.length >= n_up + n_down);
  const which = hasAll ? 'among them all significant ones' : 'the best of each category';
  const left_out = `Saved are ${count(kept)} of ${count(tested)} tested genes, ${which}: a saved comparison has at most ${bytes(room)} (max_saved_item_bytes).`;
  return { ...whole, left_out, result: { ...whole.result, categories } };
}

/** The bytes of the JSON of a gene. */
function sizeOf(categories: readonly CategoryResult[]): number {
  const known: readonly DiffexpGene[] = categories.flatMap(({ genes }) => genes);
  return known.length > 0 ? Math.max(1, lengthOf(known) / known.length) : 1;
}

function lengthOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
