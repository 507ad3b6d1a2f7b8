/** The table of means of all genes in groups of cells, as a file. */
import type { MeansTable } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { groupingName } from '../fields/groupings.svelte';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';

/** A row for each gene, or for each gene and group. */
export type Shape = 'wide' | 'long';

export class AllMeans {
  readonly run: JobRun<MeansTable>;

  constructor(private readonly viewer: Viewer) {
    this.run = new JobRun(viewer.api, 0);
  }

  /** Compute the means of the selected cells, and give the user the table. */
  async download(groupBy: string, shape: Shape): Promise<void> {
    const { api, view, selection, schema, groupings } = this.viewer;
    const { matrix } = view;
    if (matrix === null || this.run.running) return;
    await groupings.saved();
    const { within } = selection;
    await this.run.ask(
      (giveUp) => api.start<MeansTable>('means', { group_by: groupBy, matrix, ...(within ? { within } : {}) }, giveUp),
      async (table, giveUp) => {
        const file = await api.jobTable(table.job_id, shape === 'long' ? 'long' : 'genes', giveUp);
        save(file, `${schema.title} means by ${groupingName(groupBy)}.csv`);
      },
    );
  }
}
