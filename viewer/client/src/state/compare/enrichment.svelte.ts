/** Tests of gene sets in a comparison: what is chosen, the answer, and the library that the user has opened. */
import type { EnrichmentChoices, EnrichmentResult } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Comparison } from './compare.svelte';
import { ofSide, rankingOf, type Side } from './enrichment';
import { passing, type Thresholds } from './thresholds';

/** Sets in one answer; the table that is downloaded has all. */
const SHOWN = 500;

/** The user's own sets. */
export const OWN = '\u0000own';
/** The file that the user has opened. */
export const FILE = '\u0000file';

/** An answer, with the comparison that it is of. */
export interface Enriched {
  readonly comparison: Comparison;
  readonly result: EnrichmentResult;
  readonly side: Side;
}

export class Enrichments {
  choices = $state.raw<EnrichmentChoices | null>(null);
  /** The library: OWN, FILE, or the name of one of the server. */
  library = $state(OWN);
  test = $state('');
  side = $state<Side>('up');
  minSize = $state(10);
  maxSize = $state(500);
  /** Kept while the page is open. */
  file = $state.raw<{ readonly name: string; readonly text: string } | null>(null);
  answer = $state.raw<Enriched | null>(null);
  readonly run: JobRun<EnrichmentResult>;

  constructor(private readonly viewer: Viewer) {
    this.run = new JobRun(viewer.api, SHOWN);
  }

  get isRanked(): boolean {
    return this.choices?.tests.find(({ id }) => id === this.test)?.is_ranked ?? false;
  }

  /** Read what there is to choose from. `own` is whether the user has sets. */
  async open(own: boolean): Promise<void> {
    if (this.choices) return;
    try {
      this.choices = await this.viewer.api.json<EnrichmentChoices>('enrichment');
      this.test ||= this.choices.tests[0]?.id ?? '';
      if (!own) this.library = this.choices.libraries[0] ?? (this.file ? FILE : OWN);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  async read(file: File): Promise<void> {
    try {
      this.file = { name: file.name.replace(/\.gmt$/i, ''), text: await file.text() };
      this.library = FILE;
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  async ask(comparison: Comparison, thresholds: Thresholds): Promise<void> {
    if (this.run.running) return;
    const { side, isRanked, file } = this;
    const chosen = ofSide(passing(comparison.genes, { ...thresholds, direction: 'both' }, comparison), side);
    const sets =
      this.library === OWN
        ? { own: true }
        : this.library === FILE
          ? { gmt: file?.text ?? '', name: file?.name ?? 'file' }
          : { library: this.library };
    const body = {
      ...rankingOf(comparison.genes, isRanked ? null : chosen),
      sets,
      test: this.test,
      matrix: comparison.result.matrix,
      min_size: this.minSize,
      max_size: this.maxSize,
      limit: SHOWN,
    };
    const result = await this.run.ask(
      (giveUp) => this.viewer.api.start<EnrichmentResult>('enrichment', body, giveUp),
      (found) => found,
    );
    if (result) this.answer = { comparison, result, side };
  }

  /** Give the user the table of all sets. */
  async download({ result }: Enriched, title: string): Promise<void> {
    try {
      const table = await this.viewer.api.jobCsv(result.job_id);
      save(table, `${this.viewer.schema.title} ${result.library} in ${title}.csv`);
    } catch (error) {
      this.viewer.fail(error);
    }
  }
}
