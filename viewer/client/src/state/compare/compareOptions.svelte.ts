/** The choices that comparisons and markers share, so that both answer a question alike. */
import type { DiffexpRequest, FoldChangeInfo, Schema } from '../../api/types';
import type { Matrices } from '../viewer/matrices.svelte';

export class CompareOptions {
  /** Genes are tested that at least this fraction of the cells of one group express. */
  minFraction = $state(0);
  /** The id of the formula of the fold change. */
  foldChange = $state('');
  readonly foldChanges: readonly FoldChangeInfo[];

  constructor(
    { defaults, fold_changes }: Pick<Schema, 'defaults' | 'fold_changes'>,
    private readonly matrices: Matrices,
  ) {
    this.minFraction = defaults.min_fraction;
    this.foldChanges = fold_changes;
    this.foldChange = fold_changes[0]?.id ?? '';
  }

  /** The fields of a request on a matrix. */
  of(matrix: string): Pick<DiffexpRequest, 'min_fraction' | 'fold_change' | 'scale'> {
    const scale = this.matrices.chosenFor(matrix);
    return {
      min_fraction: this.minFraction,
      fold_change: this.foldChange,
      ...(scale === null ? {} : { scale }),
    };
  }
}
