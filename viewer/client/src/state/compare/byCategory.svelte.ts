/** One comparison within each category of a column: its overview, and the way into a category and back. */
import type { ByCategoryResult, CompositionResult, PseudobulkTable, Selection } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { csv } from '../../wire/csv';
import { groupingKey, groupingName, replacedBy } from '../fields/groupings.svelte';
import { partsOf } from '../fields/levels';
import { isAnnotationKey, levelOfKey } from '../view/fieldRef';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import { methodLines, methodOf } from './methods';
import type { Asking, Question } from './question';

/** Genes of each category that the overview needs; the tables are asked for category by category. */
const GENES = 20;

/** A finished comparison within each category, with the question that it answers. */
export interface Made {
  readonly names: Question['names'];
  /** The question, for more of it; null if the sets were too large to be saved. */
  readonly question: Question | null;
  /** The column, as requests name it. */
  readonly column: string;
  readonly result: ByCategoryResult;
  /** What was not saved, in a sentence; empty if all was. */
  readonly left_out: string;
}

export interface Overview extends Made {
  readonly id: number;
}

export class ByCategory {
  /** The column whose categories are compared each; null for all cells together. */
  column = $state<string | null>(null);
  /** Those of this session, the newest first. */
  overviews = $state.raw<readonly Overview[]>([]);
  shown = $state<number | null>(null);
  composition = $state.raw<CompositionResult | null>(null);
  /** Whether the overview is shown, and not the table of one category. */
  isOpen = $state(false);
  /** Called with a comparison that is done, and with one that the user removes. */
  onFound: (overview: Overview) => void = () => {};
  onRemoved: (overview: Overview) => void = () => {};
  private next = 1;
  readonly run: JobRun<ByCategoryResult>;
  readonly tables: JobRun<PseudobulkTable>;

  constructor(
    private readonly viewer: Viewer,
    private readonly compare: Asking,
  ) {
    this.run = new JobRun(viewer.api, GENES);
    this.tables = new JobRun(viewer.api, 0);
    viewer.groupings.onReplaced((from, to) => {
      if (this.column !== null) this.column = replacedBy(this.column, from, to);
      if (!viewer.groupings.list.some(({ id }) => id === this.column)) this.column = null;
    });
  }

  async start(): Promise<void> {
    const { question } = this.compare;
    const { column, viewer } = this;
    if (!question || column === null || this.run.running) return;
    const { groups, samples, method, matrix } = question;
    const options = this.compare.options.of(matrix);
    const body = { ...groups, ...samples, ...options, method, matrix, each: column, limit: GENES } as const;
    const result = await this.run.ask(
      async (giveUp) => {
        await viewer.groupings.saved();
        return viewer.api.byCategory(body, giveUp);
      },
      (found) => found,
    );
    if (!result) return;
    this.onFound(this.bringBack({ names: question.names, question, column, result, left_out: '' }));
  }

  /** The one that is shown, or was before the table of a category. */
  get overview(): Overview | null {
    return this.overviews.find(({ id }) => id === this.shown) ?? null;
  }

  /** Show a comparison that was made before. */
  bringBack({ names, question, column, result, left_out }: Made): Overview {
    const overview = { id: this.next++, names, question, column, result, left_out };
    this.overviews = [overview, ...this.overviews];
    this.show(overview.id);
    return overview;
  }

  show(id: number): void {
    if (id !== this.shown) this.composition = null;
    this.shown = id;
    this.isOpen = true;
  }

  remove(overview: Overview): void {
    this.overviews = this.overviews.filter((one) => one !== overview);
    if (this.shown === overview.id) {
      this.shown = this.overviews[0]?.id ?? null;
      this.composition = null;
      this.isOpen = false;
    }
    this.onRemoved(overview);
  }

  /** Show the table of one category. */
  async open({ question, column }: Overview, category: string): Promise<void> {
    const part = await this.categoryOf(column, category);
    if (!question) return;
    const { within } = question.groups;
    await this.compare.ask({
      ...question,
      names: { a: `${category}: ${question.names.a}`, b: question.names.b },
      groups: { ...question.groups, within: within ? { and: [within, part] } : part },
    });
  }

  /** Return the cells of a category of a column, of a label of an annotation, or of all below one of a level. */
  private async categoryOf(id: string, category: string): Promise<Selection> {
    const key = groupingKey(id);
    const level = levelOfKey(key);
    const base = level?.column ?? key;
    let names = [category];
    if (level) {
      const field = await this.viewer.fields.load(base);
      const all = field.kind === 'category' ? field.categories : [];
      names = all.filter((name) => partsOf(name, level.level) === category);
    }
    const name = groupingName(base);
    return isAnnotationKey(base) ? { annotation: name, in: names } : { column: name, in: names };
  }

  /** Compare the proportions of the categories. */
  async compareComposition({ question, column }: Overview): Promise<void> {
    if (!question?.samples) return;
    try {
      const body = { ...question.groups, ...question.samples, column };
      this.composition = await this.viewer.api.composition(body, new AbortController().signal);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  /** Download the tables of all categories. */
  async downloadCsv(overview: Overview): Promise<void> {
    const { result, left_out } = overview;
    const title = titleOfOverview(overview);
    if (result.job_id) {
      await this.downloadTable(result.job_id, title);
      return;
    }
    const method = methodOf(this.viewer.schema, result.method);
    const { sample, ...rest } = result;
    const computed = { ...rest, min_fraction: rest.min_fraction ?? 0, ...(sample ? { sample } : {}) };
    // results that were saved before have no warnings
    const warnings = [...(result.warnings ?? []), ...(left_out ? [left_out] : [])];
    const lines = methodLines(method, { ...computed, warnings }, title);
    const notes = result.categories.flatMap(({ name, problem, warnings }) =>
      [...(problem === null ? [] : [`not compared. ${problem}`]), ...warnings].map((note) => `${name}: ${note}`),
    );
    const rows = result.categories.flatMap(({ name, genes }) =>
      genes.map((gene) => [name, ...method.columns.map((column) => gene[column])]),
    );
    const table = csv([result.each, ...method.columns], rows, [...lines, ...notes]);
    save(table, `${this.viewer.schema.title} ${title}.csv`);
  }

  /** Download the sums by sample and category, for edgeR and DESeq2, or what is known of the samples. */
  async downloadSums({ question, column }: Overview, table: 'genes' | 'samples'): Promise<void> {
    if (!question?.samples) return;
    const { samples, groups, matrix } = question;
    const { within } = groups;
    const body = { sample: samples.sample, each: column, matrix, ...(within ? { within } : {}) };
    const found = await this.tables.ask(
      (giveUp) => this.viewer.api.pseudobulk(body, giveUp),
      (result) => result,
    );
    if (found) {
      const what = table === 'samples' ? 'samples' : found.value === 'sum' ? 'sums by sample' : 'means by sample';
      await this.downloadTable(found.job_id, what, table);
    } else if (this.tables.problem) this.viewer.fail(this.tables.problem);
  }

  private async downloadTable(job: string, name: string, table: 'genes' | 'samples' = 'genes'): Promise<void> {
    try {
      save(await this.viewer.api.jobCsv(job, table), `${this.viewer.schema.title} ${name}.csv`);
    } catch (error) {
      this.viewer.fail(error);
    }
  }
}

export function titleOfOverview({ names, result }: Made): string {
  const title = `${names.a} vs ${names.b} in each ${groupingName(result.each)}`;
  return result.sample === null ? `${title}, ${result.method}` : title;
}
