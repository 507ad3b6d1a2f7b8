/** The genes that tell each category of a column from all other cells. */
import type { MarkersResult } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { csv } from '../../wire/csv';
import { groupingName, replacedBy } from '../fields/groupings.svelte';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import type { CompareOptions } from './compareOptions.svelte';
import { methodLines, methodOf } from './methods';

/** Genes of each category. */
const LIMIT = 50;

export class Markers {
  column = $state<string | null>(null);
  /** The id of the method chosen. */
  method = $state('');
  result = $state.raw<MarkersResult | null>(null);
  /** The number of cells that the result is of, if not all. */
  among = $state<number | null>(null);
  readonly run: JobRun<MarkersResult>;

  constructor(
    private readonly viewer: Viewer,
    readonly options: CompareOptions,
  ) {
    this.run = new JobRun(viewer.api, LIMIT);
    this.method = viewer.schema.methods[0]?.id ?? '';
    const { color } = viewer.view;
    const { list } = viewer.groupings;
    this.column = (list.find(({ name }) => color.kind === 'obs' && name === color.column) ?? list[0])?.id ?? null;
    viewer.groupings.onReplaced((from, to) => {
      if (this.column !== null) this.column = replacedBy(this.column, from, to) ?? viewer.groupings.list[0]?.id ?? null;
    });
  }

  async find(): Promise<void> {
    const { matrix } = this.viewer.view;
    if (this.column === null || matrix === null || this.run.running) return;
    const { selection, groupings } = this.viewer;
    const body = { group_by: this.column, method: this.method, matrix, limit: LIMIT, ...this.options.of(matrix) };
    let among: number | null = null;
    const found = await this.run.ask(
      async (giveUp) => {
        await groupings.saved();
        await selection.settledMask();
        const { within } = selection;
        among = within && selection.size;
        return this.viewer.api.markers(within ? { ...body, within } : body, giveUp);
      },
      (result) => result,
    );
    if (!found) return;
    this.result = found;
    this.among = among;
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
