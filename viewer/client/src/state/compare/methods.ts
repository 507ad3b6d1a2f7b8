/** The methods of comparison that the server offers. */
import type { MethodInfo, Scale, Schema } from '../../api/types';

/** A result, with the method that made it. */
export interface Tested {
  readonly method: MethodInfo;
  readonly result: { readonly scale: Scale };
}

/** The method of an id. One that the server does not offer, as of a comparison saved long ago, goes by its id. */
export function methodOf({ methods }: Pick<Schema, 'methods'>, id: string): MethodInfo {
  const unknown: MethodInfo = {
    ...{ id, label: id, name: id, description: '' },
    ...{ fewest_cells: 1, needs_index: false, has_auc: true, has_fold_change: true },
    columns: [...new Set(methods.flatMap(({ columns }) => columns))],
  };
  return methods.find((method) => method.id === id) ?? unknown;
}

/** Whether a result has fold changes: scaled values are of either sign, so their means have no ratio. */
export function hasFoldChange({ method, result }: Tested): boolean {
  return method.has_fold_change && result.scale !== 'signed';
}
