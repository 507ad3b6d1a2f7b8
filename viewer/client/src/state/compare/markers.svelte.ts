/** The genes that tell each category of a column from all other cells. */
import type { MarkersResult, ObsColumn } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { csv } from '../../wire/csv';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { CompareOptions } from './compareOptions.svelte';
import { methodLines, methodOf } from './methods';

/** Genes of each category. */
const LIMIT = 50;
/** Columns of more categories are names of clones or cells rather than groups. */
const MOST = 200;

export class Markers {
  column = $state<string | null>(null);
  /** The id of the method chosen. */
  method = $state('');
  result = $state.raw<MarkersResult | null>(null);
  readonly columns: readonly ObsColumn[];
  /** The user's own labels that have markers to find. */
  annotations: () => readonly { readonly name: string; readonly n: number }[] = () => [];
  readonly run: JobRun<MarkersResult>;

  constructor(
    private readonly viewer: Viewer,
    readonly options: CompareOptions,
  ) {
    this.run = new JobRun(viewer.api, LIMIT);
    this.method = viewer.schema.methods[0]?.id ?? '';
    this.columns = viewer.schema.obs.filter(canGroup);
    const { color } = viewer.view;
    const first =
      this.columns.find((column) => color.kind === 'obs' && column.name === color.column) ?? this.columns[0];
    this.column = first?.name ?? null;
  }

  async find(): Promise<void> {
    const { matrix } = this.viewer.view;
    if (this.column === null || matrix === null || this.run.running) return;
    const body = { group_by: this.column, method: this.method, matrix, limit: LIMIT, ...this.options.of(matrix) };
    const found = await this.run.ask(
      (giveUp) => this.viewer.api.markers(body, giveUp),
      (result) => result,
    );
    if (found) this.result = found;
  }

  downloadCsv(result: MarkersResult): void {
    const method = methodOf(this.viewer.schema, result.method);
    const { columns } = method;
    const rows = result.groups.flatMap(({ name, genes }) =>
      genes.map((gene) => [name, ...columns.map((column) => gene[column])]),
    );
    save(
      csv(
        [result.group_by, ...columns],
        rows,
        methodLines(method, result, `${method.name}, each category against all other cells, ${result.matrix}`),
      ),
      `${this.viewer.schema.title} markers of ${groupingName(result.group_by)}.csv`,
    );
  }
}

/** What a grouping is called on the page: of a label, its bare name. */
export function groupingName(grouping: string): string {
  return grouping.replace(/^annotation:/, '');
}

/** Whether the cells of a column's categories can be set against each other. */
export function canGroup(column: ObsColumn): boolean {
  const n = column.n_categories ?? (column.kind === 'boolean' ? 2 : 0);
  return (column.kind === 'categorical' || column.kind === 'boolean') && n >= 2 && n <= MOST;
}
