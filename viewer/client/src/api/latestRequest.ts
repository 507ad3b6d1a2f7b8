/** Runs one task at a time: a new task aborts the one before, whose answer is ignored. */
export class LatestRequest {
  private controller: AbortController | null = null;

  /** Run a task. Returns undefined if a later one or `cancel` aborted it. */
  async run<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    this.cancel();
    const controller = new AbortController();
    this.controller = controller;
    try {
      const answer = await task(controller.signal);
      return controller.signal.aborted ? undefined : answer;
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    }
  }

  cancel(): void {
    this.controller?.abort();
    this.controller = null;
  }
}
