/** One comparison over samples within each category of a column: its overview, and the way into a category and back. */
import type { ByCategoryResult, CompositionResult, PseudobulkTable, Selection } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { groupingName } from '../fields/groupings.svelte';
import { isAnnotationKey } from '../view/fieldRef';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Asking, Question } from './question';

/** Genes of each category that the overview needs; the tables are asked for category by category. */
const GENES = 20;

/** An overview, with the question that it answers. */
export interface Overview {
  readonly question: Question;
  /** The column, as requests name it. */
  readonly column: string;
  readonly result: ByCategoryResult;
}

export class ByCategory {
  /** The column whose categories are compared each; null for all cells together. */
  column = $state<string | null>(null);
  overview = $state.raw<Overview | null>(null);
  composition = $state.raw<CompositionResult | null>(null);
  /** Whether the overview is shown, and not the table of one category. */
  isOpen = $state(false);
  readonly run: JobRun<ByCategoryResult>;
  readonly tables: JobRun<PseudobulkTable>;

  constructor(
    private readonly viewer: Viewer,
    private readonly compare: Asking,
  ) {
    this.run = new JobRun(viewer.api, GENES);
    this.tables = new JobRun(viewer.api, 0);
    viewer.groupings.onRenamed(() => {
      if (!viewer.groupings.list.some(({ id }) => id === this.column)) this.column = null;
    });
  }

  async start(): Promise<void> {
    const { question } = this.compare;
    const { column, viewer } = this;
    if (!question?.samples || column === null || this.run.running) return;
    const { groups, samples, method, matrix } = question;
    const { scale } = this.compare.options.of(matrix);
    const body = { ...groups, ...samples, method, matrix, each: column, limit: GENES, ...(scale ? { scale } : {}) };
    const result = await this.run.ask(
      async (giveUp) => {
        await viewer.groupings.saved();
        return viewer.api.byCategory(body, giveUp);
      },
      (found) => found,
    );
    if (!result) return;
    this.overview = { question, column, result };
    this.composition = null;
    this.isOpen = true;
  }

  /** Show the table of one category. */
  async open({ question, column }: Overview, category: string): Promise<void> {
    const part = categoryOf(column, category);
    const { within } = question.groups;
    await this.compare.ask({
      ...question,
      names: { a: `${category}: ${question.names.a}`, b: question.names.b },
      groups: { ...question.groups, within: within ? { and: [within, part] } : part },
    });
  }

  /** Compare the proportions of the categories. */
  async compareComposition({ question, column }: Overview): Promise<void> {
    if (!question.samples) return;
    try {
      const body = { ...question.groups, ...question.samples, column };
      this.composition = await this.viewer.api.composition(body, new AbortController().signal);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  /** Download the tables of all categories. */
  async downloadCsv({ result, question }: Overview): Promise<void> {
    const { a, b } = question.names;
    await this.downloadTable(result.job_id, `${a} vs ${b} in each ${groupingName(result.each)}`);
  }

  /** Download the sums by sample and category, for edgeR and DESeq2, or what is known of the samples. */
  async downloadSums({ question, column }: Overview, table: 'genes' | 'samples'): Promise<void> {
    const { samples, groups, matrix } = question;
    if (!samples) return;
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

/** The cells of a category of a column, or of a label of an annotation. */
function categoryOf(column: string, category: string): Selection {
  const name = groupingName(column);
  return isAnnotationKey(column) ? { annotation: name, in: [category] } : { column: name, in: [category] };
}
