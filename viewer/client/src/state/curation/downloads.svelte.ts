/** Downloads of annotations, gene sets and saved sessions as files. */
import type { CurationApi } from '../../api/curation';
import type { ExportedFile } from '../../api/curationTypes';
import { save } from '../../ui/drawing/download';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Saving } from './saving.svelte';

export class Downloads {
  /** The job that writes a new h5ad file. */
  readonly run: JobRun<ExportedFile>;
  /** The new h5ad file, once it is written. */
  file = $state.raw<ExportedFile | null>(null);

  constructor(
    private readonly viewer: Viewer,
    private readonly api: CurationApi,
    private readonly saving: Saving,
  ) {
    this.run = new JobRun(viewer.api, 0);
  }

  /** Download a table with one row for each cell: of one annotation, or of all (null). */
  annotations(name: string | null, ending: 'csv' | 'tsv'): Promise<void> {
    return this.download(`annotations.${ending}`, name === null ? {} : { name }, `${name ?? 'annotations'}.${ending}`);
  }

  genesets(ending: 'gmt' | 'csv'): Promise<void> {
    return this.download(`genesets.${ending}`, {}, `gene sets.${ending}`);
  }

  session(): Promise<void> {
    return this.download('session.json', {}, 'session.json');
  }

  /** Download the names of the selected cells, a line for each, or their table of obs with the annotations. */
  async cells(what: 'names' | 'table'): Promise<void> {
    const { viewer } = this;
    try {
      await this.saving.drained();
      await viewer.selection.settledMask();
      const within = viewer.selection.within ?? { ranges: [[0, viewer.n]] };
      const table = await viewer.api.cellsNamed(within, what);
      const kept = viewer.selection.within === null ? 'all cells' : 'selected cells';
      if (what === 'table') save(table, `${viewer.schema.title} ${kept}.csv`);
      else save(new Blob([linesOf(await table.text())], { type: 'text/plain' }), `${viewer.schema.title} ${kept}.txt`);
    } catch (error) {
      viewer.fail(error);
    }
  }

  private async download(path: string, query: Record<string, string>, name: string): Promise<void> {
    try {
      // The file contains saved changes only.
      await this.saving.drained();
      save(await this.api.file(path, query), `${this.viewer.schema.title} ${name}`);
    } catch (error) {
      this.viewer.fail(error);
    }
  }

  /** Write a new h5ad file with the annotations as columns, of all cells or the selected ones. */
  async h5ad(cells: 'all' | 'selected' = 'all'): Promise<void> {
    if (this.run.running) return;
    this.file = null;
    await this.saving.drained();
    const within = cells === 'all' ? null : this.viewer.selection.within;
    this.file = await this.run.ask(
      (giveUp) => this.api.exportH5ad(within, giveUp),
      (file) => file,
    );
  }
}

/** Return a CSV table of one column as lines without its header and quotes. */
function linesOf(table: string): string {
  const [, ...rows] = table.match(/"(?:[^"]|"")*"|[^\n]+/g) ?? [];
  const names = rows.map((row) => (row.startsWith('"') ? row.slice(1, -1).replaceAll('""', '"') : row));
  return names.map((name) => `${name.replace(/[\r\n]+/g, ' ')}\n`).join('');
}
