/** The matrices of the dataset, and the scales of their values: found by the server, or overruled by the user. */
import type { Api } from '../../api/client';
import type { MatrixInfo, Scale, Schema } from '../../api/types';

/** What the values of a matrix of each scale are. */
export const SCALES: Readonly<Record<Scale, string>> = {
  log1p: 'Logarithms',
  counts: 'Counts',
  linear: 'Amounts',
  signed: 'Scaled',
};

export class Matrices {
  list = $state.raw<readonly MatrixInfo[]>([]);
  /** The matrix that is shown by default, and why. */
  byDefault = $state<string | null>(null);
  reason = $state('');
  private chosen = $state.raw<ReadonlyMap<string, Scale>>(new Map());

  constructor(
    private readonly api: Api,
    schema: Schema,
  ) {
    this.take(schema);
  }

  get(name: string | null): MatrixInfo | null {
    return this.list.find((matrix) => matrix.name === name) ?? null;
  }

  /** The scale that is in force for a matrix; null if it is unknown until the file is downloaded. */
  scaleOf(name: string | null): Scale | null {
    return (name === null ? undefined : this.chosen.get(name)) ?? this.get(name)?.scale ?? null;
  }

  /** The scale that the user chose for a matrix; null if it is the one that the server found. */
  chosenFor(name: string): Scale | null {
    return this.chosen.get(name) ?? null;
  }

  /** Overrule the scale of a matrix; the one that the server found is no choice. */
  choose(name: string, scale: Scale): void {
    const next = new Map(this.chosen);
    if (scale === this.get(name)?.scale) next.delete(name);
    else next.set(name, scale);
    this.chosen = next;
  }

  /** Whether 0 is the lowest value, so that a cell with a value above expresses the gene. */
  hasExpression(name: string | null): boolean {
    return this.scaleOf(name) !== 'signed';
  }

  /** Read the scales again: they may be known, or known better, once the file is downloaded or indexed. */
  async refresh(): Promise<void> {
    this.take(await this.api.schema());
  }

  private take({ matrices, default_matrix, default_matrix_reason }: Schema): void {
    this.list = matrices;
    this.byDefault = default_matrix;
    this.reason = default_matrix_reason;
  }
}
