import type { MethodInfo } from '../../api/types';

/** A method for tests. */
export const METHOD: MethodInfo = {
  id: 'rank',
  label: 'Ranks',
  name: 'a test of ranks',
  description: '',
  fewest_cells: 2,
  needs_index: true,
  has_auc: true,
  has_fold_change: true,
  over_samples: false,
  suits_selections: false,
  columns: ['gene', 'gene_id', 'log2_fold_change', 'score', 'p_value', 'p_adjusted', 'mean_a', 'mean_b', 'auc'],
};
