/** A comparison to be made. */
import type { DesignRequest, DiffexpRequest } from '../../api/types';

/** What is compared, and how. */
export interface Question {
  readonly names: { readonly a: string; readonly b: string };
  readonly groups: Pick<DiffexpRequest, 'a' | 'b' | 'within'>;
  readonly samples: Pick<DesignRequest, 'sample' | 'covariates'> | null;
  readonly method: string;
  readonly matrix: string;
}

/** What asks the questions of the sets, and shows the answers. */
export interface Asking {
  /** The question of the sets as they are now; null if something is missing. */
  readonly question: Question | null;
  readonly options: { of(matrix: string): Pick<DiffexpRequest, 'min_fraction' | 'fold_change' | 'scale'> };
  ask(question: Question): Promise<void>;
}
