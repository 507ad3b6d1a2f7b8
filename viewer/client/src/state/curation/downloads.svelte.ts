/** Files of what the user made, for other programs. */
import type { CurationApi } from '../../api/curation';
import type { ExportedFile } from '../../api/curationTypes';
import { save } from '../../ui/drawing/download';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Saving } from './saving.svelte';

export class Downloads {
  /** The new h5ad: its making, and the file once it is there. */
  readonly run: JobRun<ExportedFile>;
  made = $state.raw<ExportedFile | null>(null);

  constructor(
    private readonly viewer: Viewer,
    private readonly api: CurationApi,
    private readonly saving: Saving,
  ) {
    this.run = new JobRun(viewer.api, 0);
  }

  /** One label, or with null all of them: one row for each cell. */
  annotations(name: string | null, ending: 'csv' | 'tsv'): Promise<void> {
    return this.take(`annotations.${ending}`, name === null ? {} : { name }, `${name ?? 'annotations'}.${ending}`);
  }

  genesets(ending: 'gmt' | 'csv'): Promise<void> {
    return this.take(`genesets.${ending}`, {}, `gene sets.${ending}`);
  }

  session(): Promise<void> {
    return this.take('session.json', {}, 'session.json');
  }

  private async take(path: string, query: Record<string, string>, name: string): Promise<void> {
    try {
      // A file holds what was acknowledged: what is on its way is waited for.
      await this.saving.drained();
      save(await this.api.file(path, query), `${this.viewer.schema.title} ${name}`);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  /** Have a new h5ad made, with the labels as columns. */
  async h5ad(): Promise<void> {
    if (this.run.running) return;
    this.made = null;
    await this.saving.drained();
    this.made = await this.run.ask(
      (giveUp) => this.api.exportH5ad(giveUp),
      (file) => file,
    );
  }
}
