/** The methods of comparison that the server offers. */
import type { DiffexpResult, MethodInfo, Scale, Schema } from '../../api/types';
import { number } from '../../ui/format';

/** A result, with the method that made it. */
export interface Tested {
  readonly method: MethodInfo;
  readonly result: { readonly scale: Scale };
}

/** The method of an id. One that the server does not offer, as of a comparison saved long ago, goes by its id. */
export function methodOf({ methods }: Pick<Schema, 'methods'>, id: string): MethodInfo {
  const unknown: MethodInfo = {
    ...{ id, label: id, name: id, description: '' },
    ...{ fewest_cells: 1, needs_index: false, has_auc: true, has_fold_change: true, suits_selections: false },
    over_samples: false,
    columns: [...new Set(methods.flatMap(({ columns }) => columns))],
  };
  return methods.find((method) => method.id === id) ?? unknown;
}

/** Whether a result has fold changes: scaled values are of either sign, so their means have no ratio. */
export function hasFoldChange({ method, result }: Tested): boolean {
  return method.has_fold_change && result.scale !== 'signed';
}

/** What a comparison or markers say of how they were computed. */
export type Computed = Pick<DiffexpResult, 'scale' | 'log_base' | 'fold_change' | 'min_fraction' | 'correction'> & {
  readonly warnings?: readonly string[];
  /** Of a comparison over samples. */
  readonly sample?: string;
  readonly coefficients?: readonly string[];
};

/** The scale of a result in a few words. */
export function scaleText({ scale, log_base }: Pick<Computed, 'scale' | 'log_base'>): string {
  if (scale !== 'log1p') return { counts: 'counts', linear: 'amounts', signed: 'scaled values' }[scale];
  return log_base && Math.abs(log_base - Math.E) > 1e-9 ? `logarithms to base ${number(log_base)}` : 'logarithms';
}

/** The formula of the fold changes of a result in a sentence; null if it has none. */
export function foldChangeText({ fold_change }: Pick<Computed, 'fold_change'>): string | null {
  if (!fold_change) return null;
  const { name, formula, pseudo_count } = fold_change;
  return `log2 fold change: ${name}; log2 of the ratio of ${formula}; pseudo-count ${pseudo_count}`;
}

/** How a result was computed, in the lines above its table in a CSV file. */
export function methodLines(method: MethodInfo, result: Computed, title: string): string[] {
  const { scale, log_base, min_fraction = 0, correction, warnings = [], sample, coefficients = [] } = result;
  const model = sample ? [`samples: ${sample}; model: ${coefficients.join(', ')}`] : [];
  return [
    title,
    ...model,
    `test: ${method.name}`,
    `scale: ${scale}${scale === 'log1p' && log_base ? `, base ${log_base}` : ''}`,
    `p-values adjusted by ${correction} for the tested genes`,
    sample
      ? 'tested: genes with enough counts (edgeR’s filterByExpr); of logarithms, all that vary'
      : `tested: genes with a value above 0 in at least ${min_fraction} of the cells of one group`,
    foldChangeText(result) ?? 'log2 fold change: not defined',
    ...warnings,
  ];
}
