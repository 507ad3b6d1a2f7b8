/** The data of the plots: loaded anew as the choices change, for the newest choices alone. */
import { untrack } from 'svelte';
import { type ApiError, asApiError, isAbort } from '../api/error';
import { LatestRequest } from '../api/latestRequest';
import type { Page } from './page';
import type { Loader, Plot } from './plot';

export class PlotData {
  problem = $state.raw<ApiError | null>(null);
  /** Genes read, and how many there are to read; null while none is read. */
  progress = $state.raw<{ readonly done: number; readonly of: number } | null>(null);
  /** By what loads them: plots that load the same data share them. */
  private loaded = $state.raw<ReadonlyMap<unknown, unknown>>(new Map());
  private readonly request = new LatestRequest();

  constructor(private readonly page: Page) {}

  /** The data of a plot, of the choices now or of those before; null where nothing is loaded. */
  of(plot: Plot): unknown {
    return this.loaded.get(plot.load) ?? null;
  }

  /** Load the data of a plot. To be called in an effect, which runs again when a choice changes. */
  load(plot: Plot): void {
    this.problem = null;
    this.request.cancel();
    this.progress = null;
    const loader = plot.obstacle?.(this.page) ? null : plot.load(this.page);
    if (loader) untrack(() => void this.run(plot, loader));
  }

  dispose(): void {
    this.request.cancel();
  }

  private async run(plot: Plot, loader: Loader<unknown>): Promise<void> {
    try {
      await this.request.run(async (signal) => {
        const show = (data: unknown) => {
          if (!signal.aborted) this.loaded = new Map(this.loaded).set(plot.load, data);
        };
        const each = async (genes: readonly string[], read: (gene: string) => Promise<void>) => {
          for (const [done, gene] of genes.entries()) {
            this.progress = { done, of: genes.length };
            await read(gene);
            signal.throwIfAborted();
          }
          this.progress = null;
        };
        show(await loader({ signal, before: this.of(plot), show, each }));
      });
    } catch (error) {
      if (!isAbort(error)) this.problem = asApiError(error);
      this.progress = null;
    }
  }
}
