/** What the server does besides answering: the index it makes of a matrix, and what it could not do. */
import { ApiError } from '../../api/error';
import { sleep } from '../../api/sleep';
import type { Health } from '../../api/types';
import { datasetError } from '../page/openDataset';
import type { Viewer } from './viewer.svelte';

/** Milliseconds between two looks while an index is made. */
const PAUSE = 2000;

/** Milliseconds between two checks whether the catalog still has the dataset, unchanged. */
const WATCH = 15_000;

export class Server {
  /** The fraction of the file that the server has; null where it has all. */
  downloaded = $state<number | null>(null);
  indexing = $state.raw<Health['indexing'] | null>(null);
  problems = $state.raw<readonly string[]>([]);
  private readonly controller = new AbortController();
  private looking = false;

  constructor(private readonly viewer: Viewer) {}

  /** Ask how the server is, and again until it has the whole file and makes no index. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const { signal } = this.controller;
    try {
      do {
        const health = await this.viewer.api.health(signal);
        this.downloaded = health.downloaded ?? null;
        this.indexing = health.indexing ?? null;
        this.problems = health.problems ?? [];
        if (this.isBusy) await sleep(PAUSE, signal);
      } while (this.isBusy);
    } catch {
      // A server that does not answer is told of by what the user asked for.
      this.downloaded = null;
      this.indexing = null;
    } finally {
      this.looking = false;
    }
  }

  private get isBusy(): boolean {
    return this.downloaded !== null || this.indexing !== null;
  }

  /** Ask now and then whether the file is still the one that is shown. */
  async watch(): Promise<void> {
    const { signal } = this.controller;
    const { api } = this.viewer;
    try {
      while (true) {
        await sleep(WATCH, signal);
        if (document.visibilityState !== 'visible') continue;
        try {
          const health = await api.health(signal);
          if (health.state === 'error') api.transport.onOver(datasetError(health));
        } catch (error) {
          if (error instanceof ApiError && error.code === 'not_found') api.transport.onOver(error);
        }
      }
    } catch {
      // The page goes away.
    }
  }

  dispose(): void {
    this.controller.abort();
  }
}
