/** What the server does besides answering: the index it makes of a matrix, and what it could not do. */
import { pause } from '../api/pause';
import type { Health } from '../api/types';
import type { Viewer } from './viewer.svelte';

/** Milliseconds between two looks while an index is made. */
const PAUSE = 2000;

export class Server {
  indexing = $state.raw<Health['indexing'] | null>(null);
  problems = $state.raw<readonly string[]>([]);
  private readonly controller = new AbortController();
  private looking = false;

  constructor(private readonly viewer: Viewer) {}

  /** Ask how the server is, and again until it makes no index. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const { signal } = this.controller;
    try {
      do {
        const health = await this.viewer.api.health(signal);
        this.indexing = health.indexing ?? null;
        this.problems = health.problems ?? [];
        if (this.indexing) await pause(PAUSE, signal);
      } while (this.indexing);
    } catch {
      // A server that does not answer is told of by what the user asked for.
      this.indexing = null;
    } finally {
      this.looking = false;
    }
  }

  dispose(): void {
    this.controller.abort();
  }
}
