/** The samples of a comparison: the column, what is adjusted for, and the design that the server makes of them. */
import type { DesignOfSamples, DesignRequest, SampleColumnInfo } from '../../api/types';
import { selectionOf } from '../fields/cells';
import type { SelectionExpression } from '../view/selectionExpression';
import type { Viewer } from '../viewer/viewer.svelte';

/** The obs columns by whose filters cells were selected. */
function columnsOf(expression: SelectionExpression | null | undefined): readonly string[] {
  if (!expression || !('filters' in expression)) return [];
  return expression.filters.flatMap(({ field }) => ('obs' in field ? [field.obs] : []));
}

export class Samples {
  /** The columns that look like samples, the likeliest first; null until they are known. */
  columns = $state.raw<readonly SampleColumnInfo[] | null>(null);
  /** The columns to adjust for. */
  covariates = $state.raw<readonly string[]>([]);
  /** The design of the sets as they are now; null while there is none. */
  design = $state.raw<DesignOfSamples | null>(null);
  /** Columns that vary in some sample, or do not differ between samples, which the user has asked for. */
  private others = $state.raw<readonly string[]>([]);
  private chosen = $state<string | null>(null);
  private asked: AbortController | null = null;

  constructor(private readonly viewer: Viewer) {}

  /** The column of samples: the one chosen, else the likeliest. */
  get column(): string | null {
    return this.chosen ?? this.columns?.[0]?.name ?? null;
  }

  /** The columns that are offered to adjust for. */
  get adjustable(): readonly string[] {
    const constant = this.columns?.find(({ name }) => name === this.column)?.constant ?? [];
    return [...constant, ...this.others.filter((name) => !constant.includes(name))];
  }

  /** The other columns: constant in the samples of the sets perhaps, though not in all. The design says what is wrong. */
  get further(): readonly string[] {
    const { obs } = this.viewer.schema;
    return obs.flatMap(({ name }) => (name === this.column || this.adjustable.includes(name) ? [] : name));
  }

  /** The adjustable column by which the sets were made: it cannot be told apart from them. */
  get condition(): string | null {
    const { setA, setB } = this.viewer.view;
    const [a, b] = [setA, setB].map((set) => (set && set !== 'rest' ? columnsOf(set.expression) : []));
    const named = a?.filter((name) => this.adjustable.includes(name)) ?? [];
    const [only, other] = named;
    if (only === undefined || other !== undefined) return null;
    return setB === 'rest' || b?.includes(only) ? only : null;
  }

  choose(column: string): void {
    this.chosen = column;
    this.covariates = [];
    this.others = [];
  }

  /** Adjust for a column that is not offered. */
  add(covariate: string): void {
    this.others = [...this.others, covariate];
    this.covariates = [...this.covariates, covariate];
  }

  toggle(covariate: string): void {
    const without = this.covariates.filter((name) => name !== covariate);
    this.covariates = without.length < this.covariates.length ? without : [...without, covariate];
  }

  /** The fields of a request on these samples; null where no column looks like samples. */
  get request(): Pick<DesignRequest, 'sample' | 'covariates'> | null {
    // of another comparison, the condition may be ticked still
    const covariates = this.covariates.filter((name) => name !== this.condition);
    return this.column === null ? null : { sample: this.column, covariates };
  }

  /** Ask for the design of the sets as they are now. */
  async refresh(): Promise<void> {
    this.asked?.abort();
    const { view, cells, api } = this.viewer;
    const { setA, setB } = view;
    const asked = new AbortController();
    this.asked = asked;
    try {
      this.columns ??= (await api.samples(asked.signal)).columns;
      if (!setA || !setB || !this.request) {
        this.design = null;
        return;
      }
      const b = setB === 'rest' ? setB : selectionOf(cells.get(setB));
      const within = this.viewer.selection.subsetWithin;
      const body = { a: selectionOf(cells.get(setA)), b, ...this.request, ...(within ? { within } : {}) };
      this.design = await api.design(body, asked.signal);
    } catch (error) {
      if (!asked.signal.aborted) {
        this.design = null;
        this.viewer.fail(error);
      }
    }
  }
}
