/** The background work of the server (download, index) and its problems. */
import { ApiError } from '../../api/error';
import { sleep } from '../../api/sleep';
import type { Health } from '../../api/types';
import { datasetError } from '../page/openDataset';
import type { Viewer } from './viewer.svelte';

/** Milliseconds between two requests during a download or the building of an index. */
const INTERVAL = 2000;

/** Milliseconds between two checks whether the catalog still has the dataset, unchanged. */
const CHECK_INTERVAL = 15_000;

export class Server {
  /** The downloaded fraction of the file; null if it is complete. */
  downloaded = $state<number | null>(null);
  indexing = $state.raw<Health['indexing'] | null>(null);
  problems = $state.raw<readonly string[]>([]);
  private readonly controller = new AbortController();
  private looking = false;

  constructor(private readonly viewer: Viewer) {}

  /** Follow the health of the server until it has the whole file and builds no index. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const { signal } = this.controller;
    let waited = false;
    try {
      do {
        const health = await this.viewer.api.health(signal);
        this.downloaded = health.downloaded ?? null;
        this.indexing = health.indexing ?? null;
        this.problems = health.problems ?? [];
        waited ||= this.isBusy;
        if (this.isBusy) await sleep(INTERVAL, signal);
      } while (this.isBusy);
      const { list } = this.viewer.matrices;
      if (waited || list.some(({ scale }) => scale === null)) await this.viewer.refreshMatrices();
    } catch {
      // A lost connection is reported by the requests of the user.
      this.downloaded = null;
      this.indexing = null;
    } finally {
      this.looking = false;
    }
  }

  private get isBusy(): boolean {
    return this.downloaded !== null || this.indexing !== null;
  }

  /** Check regularly whether the file was replaced or removed. */
  async watch(): Promise<void> {
    const { signal } = this.controller;
    const { api } = this.viewer;
    try {
      while (true) {
        await sleep(CHECK_INTERVAL, signal);
        if (document.visibilityState !== 'visible') continue;
        try {
          const health = await api.health(signal);
          if (health.state === 'error') api.transport.onOver(datasetError(health));
        } catch (error) {
          if (error instanceof ApiError && error.code === 'not_found') api.transport.onOver(error);
        }
      }
    } catch {
      // The page is closed.
    }
  }

  dispose(): void {
    this.controller.abort();
  }
}
