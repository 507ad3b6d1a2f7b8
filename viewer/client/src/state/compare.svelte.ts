/** Differential expression between the two sets: start, follow, cancel, and the table that comes of it. */
import { type ApiError, asApiError } from '../api/error';
import type { DiffexpGene, DiffexpResult, JobAnswer } from '../api/types';
import { selectionOf } from './cells';
import type { Viewer } from './viewer.svelte';

/** Genes asked for at once. */
const PAGE = 5000;
/** Milliseconds between two looks at a job. */
const PAUSE = 400;

export interface Comparison {
  readonly result: DiffexpResult;
  readonly genes: readonly DiffexpGene[];
  readonly job: string | null;
}

export class Compare {
  state = $state<'idle' | 'running'>('idle');
  progress = $state<number | null>(null);
  message = $state('');
  problem = $state.raw<ApiError | null>(null);
  comparison = $state.raw<Comparison | null>(null);
  private controller: AbortController | null = null;
  private job: string | null = null;

  constructor(private readonly viewer: Viewer) {}

  /** What is missing before a comparison can start; null where nothing is. */
  get obstacle(): string | null {
    const { setA, setB, matrix } = this.viewer.view;
    if (!matrix) return 'This dataset has no expression matrix.';
    if (!setA) return 'Select cells, then keep them as set A.';
    if (!setB) return 'Select cells for set B, or compare with the rest.';
    if (setA.n < 2) return 'Set A needs at least two cells.';
    const nB = setB === 'rest' ? this.viewer.n - setA.n : setB.n;
    if (nB < 2) return 'Set B needs at least two cells.';
    return null;
  }

  async run(): Promise<void> {
    const { setA, setB, matrix } = this.viewer.view;
    if (!setA || !setB || !matrix || this.obstacle || this.state === 'running') return;
    const { cells } = this.viewer;
    const controller = new AbortController();
    this.controller = controller;
    this.state = 'running';
    this.progress = null;
    this.message = 'Starting';
    this.problem = null;
    try {
      const a = selectionOf(cells.get(setA));
      const b = setB === 'rest' ? setB : selectionOf(cells.get(setB));
      const body = { a, b, method: 't-test', matrix, limit: PAGE } as const;
      const started = await this.viewer.api.diffexp(body, controller.signal);
      this.comparison = await this.follow(started, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.problem = asApiError(error);
    } finally {
      if (this.controller === controller) {
        this.state = 'idle';
        this.controller = null;
        this.job = null;
      }
    }
  }

  cancel(): void {
    this.controller?.abort();
    if (this.job) this.viewer.api.cancelJob(this.job).catch((error: unknown) => this.viewer.fail(error));
  }

  async downloadCsv(): Promise<void> {
    const job = this.comparison?.job;
    if (!job) return;
    try {
      const blob = await this.viewer.api.jobCsv(job);
      save(blob, `${this.viewer.schema.title} differential expression.csv`);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  private async follow(started: JobAnswer, signal: AbortSignal): Promise<Comparison> {
    let answer = started;
    const id = started.job?.id ?? started.result?.job_id ?? null;
    this.job = id;
    while (!answer.result) {
      const job = answer.job;
      if (!id || !job) throw new Error('The comparison was answered without a result.');
      if (job.state === 'failed' || job.state === 'cancelled') throw failure(job.error, job.message);
      this.progress = job.progress;
      this.message = job.message ?? '';
      if (job.state !== 'done') await pause(PAUSE, signal);
      answer = await this.viewer.api.job(id, 0, PAGE, signal);
    }
    const genes = [...answer.result.genes];
    while (id && genes.length < answer.result.n_genes) {
      const page = await this.viewer.api.job(id, genes.length, PAGE, signal);
      if (!page.result?.genes.length) break;
      genes.push(...page.result.genes);
    }
    return { result: answer.result, genes, job: id };
  }
}

function failure(error: { message: string; hint: string } | null | undefined, message: string | null): Error {
  return new Error(error?.message ?? message ?? 'The comparison failed.');
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

/** Give the user a file. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[\\/:*?"<>|]/g, ' ');
  link.click();
  // The browser needs the address until it has begun to save.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
