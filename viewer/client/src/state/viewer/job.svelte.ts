/** A job on the server: start it, follow its progress, cancel it. */
import type { Api } from '../../api/client';
import { ApiError, asApiError } from '../../api/error';
import { sleep } from '../../api/sleep';
import type { JobAnswer } from '../../api/types';

/** Milliseconds between two requests for the state of a job. */
const INTERVAL = 400;

export class JobRun<T> {
  running = $state(false);
  progress = $state<number | null>(null);
  message = $state('');
  problem = $state.raw<ApiError | null>(null);
  private controller: AbortController | null = null;
  private job: string | null = null;

  constructor(
    private readonly api: Api,
    /** The number of rows of the result in one request. */
    private readonly page: number,
  ) {}

  /** Start a job and pass its result to `use`. Returns null if it failed (see `problem`) or was cancelled. */
  async ask<R>(
    question: (giveUp: AbortSignal) => Promise<JobAnswer<T>>,
    use: (result: T, giveUp: AbortSignal) => Promise<R> | R,
  ): Promise<R | null> {
    const controller = new AbortController();
    this.controller = controller;
    this.running = true;
    this.progress = null;
    this.message = 'Starting';
    this.problem = null;
    try {
      const result = await this.follow(await question(controller.signal), controller.signal);
      return await use(result, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.problem = asApiError(error);
      return null;
    } finally {
      if (this.controller === controller) this.rest();
    }
  }

  giveUp(): void {
    const { job } = this;
    this.controller?.abort();
    this.rest();
    if (job) this.api.cancelJob(job).catch(() => {});
  }

  private rest(): void {
    this.running = false;
    this.controller = null;
    this.job = null;
  }

  private async follow(started: JobAnswer<T>, signal: AbortSignal): Promise<T> {
    let answer = started;
    const id = started.job?.id ?? null;
    this.job = id;
    while (!answer.result) {
      const { job } = answer;
      if (!id || !job) throw new Error('The answer has no result.');
      if (job.state === 'failed' || job.state === 'cancelled') {
        throw new ApiError('job', job.error?.message ?? 'It failed.', job.error?.hint ?? '');
      }
      this.progress = job.progress;
      this.message = '';
      if (job.state !== 'done') await sleep(INTERVAL, signal);
      answer = await this.api.job<T>(id, 0, this.page, signal);
    }
    return answer.result;
  }
}
