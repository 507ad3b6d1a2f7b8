/** The composition of samples: proportions of categories in each sample, compared between two conditions. */
import { asApiError, isAbort } from '../../api/error';
import type { CompositionResult, SampleColumnInfo, Selection } from '../../api/types';
import type { CategoryData } from '../../state/fields/field';
import { groupingName } from '../../state/fields/groupings.svelte';
import type { Table } from '../../wire/csv';
import type { Page } from '../page';

/** A column of the plot, as requests name it, and its categories. */
export interface Side {
  readonly id: string;
  readonly field: CategoryData;
}

export interface SampleShares {
  /** The column of two categories that are compared. */
  readonly condition: CategoryData;
  readonly of: CategoryData;
  readonly result: CompositionResult;
}

const NOT_KNOWN =
  'Samples are compared between the two categories of a column that is the same in all cells of a sample (a condition). Choose such a column, and one of cell types.';

/** Return which of two columns is the condition, and the column of samples within which it is constant; null if none is. */
export function conditionAmong(
  sides: readonly [Side, Side],
  columns: readonly SampleColumnInfo[],
): { readonly condition: Side; readonly of: Side; readonly sample: string } | null {
  const [first, second] = sides;
  for (const [condition, of] of [
    [first, second],
    [second, first],
  ] as const) {
    if (condition.field.categories.length !== 2) continue;
    const names = sides.map(({ id }) => groupingName(id));
    const found = columns.find(
      ({ name, constant }) => !names.includes(name) && constant.includes(groupingName(condition.id)),
    );
    if (found) return { condition, of, sample: found.name };
  }
  return null;
}

/** Compare the proportions of the samples; a sentence if they cannot be compared. */
export async function compareShares(
  { viewer }: Page,
  sides: readonly [Side, Side],
  within: Selection | null,
  signal: AbortSignal,
): Promise<SampleShares | string> {
  const { columns } = await viewer.api.samples(signal);
  const found = conditionAmong(sides, columns);
  if (!found) return NOT_KNOWN;
  const { condition, of, sample } = found;
  const column = groupingName(condition.id);
  const [a = '', b = ''] = condition.field.categories;
  const question = {
    ...{ a: { column, in: [a] }, b: { column, in: [b] }, sample },
    ...(within === null ? {} : { within }),
  };
  try {
    const { problem } = await viewer.api.design(question, signal);
    if (problem) return problem;
    const result = await viewer.api.composition({ ...question, column: of.id }, signal);
    return { condition: condition.field, of: of.field, result };
  } catch (error) {
    if (isAbort(error)) throw error;
    return asApiError(error).message;
  }
}

export function sharesTable({ condition, result }: SampleShares): Table {
  const names = { a: condition.categories[0] ?? '', b: condition.categories[1] ?? '' };
  return {
    columns: [result.column, result.sample, condition.title, 'cells', 'share', 'log2_ratio', 'p_value', 'p_adjusted'],
    rows: result.categories.flatMap(({ name, proportions, log2_ratio, p_value, p_adjusted }) =>
      result.samples.map(({ sample, side, n }, k) => [
        ...[name, sample, names[side], n, proportions[k] ?? null],
        ...[log2_ratio, p_value, p_adjusted],
      ]),
    ),
  };
}

/** How the proportions were compared, for a figure legend. */
export function sharesSentence({ condition, result }: SampleShares): string {
  const [a, b] = ['a', 'b'].map((side) => result.samples.filter((sample) => sample.side === side).length);
  const [nameA, nameB] = condition.categories;
  const transform = result.transform === 'logit' ? 'logits' : 'arcsine square roots';
  return `Proportions of the categories of ${result.column} in each sample (${result.sample}), ${a} of ${nameA} against ${b} of ${nameB}; bars are means. p-values are of moderated t-tests of their ${transform} (propeller), adjusted by Benjamini and Hochberg’s method.`;
}
