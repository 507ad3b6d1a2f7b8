/** The table of a comparison: its columns, and rows found and sorted. */
import type { DiffexpGene } from '../../api/types';
import { hasFoldChange, type Tested } from '../../state/compare/methods';
import { fixed, number, percent, pValue } from '../../ui/format';

export type SortKey = Exclude<keyof DiffexpGene, 'of_samples'>;

export interface TableColumn {
  readonly key: SortKey;
  readonly label: string;
  readonly help: string;
  readonly write: (gene: DiffexpGene) => string;
  /** Its share of the table. */
  readonly width: number;
  /** Only where there is room. */
  readonly wide?: boolean;
}

const COLUMNS: readonly TableColumn[] = [
  { key: 'gene', label: 'Gene', help: 'Name of the gene', write: (gene) => gene.gene, width: 1.5 },
  {
    key: 'gene_id',
    label: 'Id',
    help: 'Id of the gene in the file',
    write: (gene) => gene.gene_id ?? '',
    width: 1.6,
    wide: true,
  },
  {
    key: 'log2_fold_change',
    label: 'log₂ FC',
    help: 'Log2 fold change: above 0 where set A expresses more',
    write: (gene) => fixed(gene.log2_fold_change, 2),
    width: 0.9,
  },
  {
    key: 'p_adjusted',
    label: 'p adj.',
    help: 'p-value, corrected for the number of genes (Benjamini–Hochberg)',
    write: (gene) => pValue(gene.p_adjusted),
    width: 1.2,
  },
  {
    key: 'score',
    label: 'Score',
    help: 'Statistic of the test; above 0 where A is higher',
    write: (gene) => fixed(gene.score, 1),
    width: 0.9,
  },
  {
    key: 'auc',
    label: 'AUC',
    help: 'Probability that a cell of A has a higher value than a cell of B; 0.5 for no difference',
    write: (gene) => fixed(gene.auc, 3),
    width: 0.8,
    wide: true,
  },
  { key: 'p_value', label: 'p', help: 'p-value', write: (gene) => pValue(gene.p_value), width: 1.2, wide: true },
  {
    key: 'mean_a',
    label: 'Mean A',
    help: 'Mean of set A',
    write: (gene) => number(gene.mean_a),
    width: 0.9,
    wide: true,
  },
  {
    key: 'mean_b',
    label: 'Mean B',
    help: 'Mean of set B',
    write: (gene) => number(gene.mean_b),
    width: 0.9,
    wide: true,
  },
  {
    key: 'fraction_a',
    label: '% of A',
    help: 'Share of set A with a value above 0',
    write: (gene) => percent(gene.fraction_a),
    width: 0.8,
    wide: true,
  },
  {
    key: 'fraction_b',
    label: '% of B',
    help: 'Share of set B with a value above 0',
    write: (gene) => percent(gene.fraction_b),
    width: 0.8,
    wide: true,
  },
];

/** The columns of a result: those that its method, the scale of its matrix and its genes define. */
export function columnsOf(tested: Tested, genes: readonly DiffexpGene[], wide: boolean): readonly TableColumn[] {
  const hasFold = hasFoldChange(tested);
  return COLUMNS.filter(({ key, wide: needsRoom }) => {
    if (key === 'gene_id' && !genes.some((gene) => gene.gene_id)) return false;
    if (!tested.method.columns.includes(key) || (key === 'log2_fold_change' && !hasFold)) return false;
    // Without a fold change, the means are the next best.
    return wide || !needsRoom || (key === 'mean_a' && !hasFold);
  });
}

/** A gene counts as expressed if at least this fraction of the cells of one set do. */
const EXPRESSED = 0.1;

export interface Sorting {
  readonly key: SortKey;
  readonly down: boolean;
}

/** The order a click on a heading asks for: the useful direction first, then the other. */
export function nextSorting(now: Sorting | null, key: SortKey): Sorting {
  const usual = key !== 'gene' && key !== 'gene_id' && key !== 'p_value' && key !== 'p_adjusted';
  return now?.key === key ? { key, down: !now.down } : { key, down: usual };
}

/**
 * Rows that hold the text, in the order asked for; undefined values come last either way. Of equal ones, such as p-values
 * of 0, the highest |score| comes first. By fold change, genes that hardly any cell expresses come after the others.
 */
export function tableRows(genes: readonly DiffexpGene[], text: string, sorting: Sorting | null): DiffexpGene[] {
  const wanted = text.trim().toLowerCase();
  const rows = wanted
    ? genes.filter((gene) => `${gene.gene}\n${gene.gene_id ?? ''}`.toLowerCase().includes(wanted))
    : [...genes];
  if (!sorting) return rows;
  const { key, down } = sorting;
  const sign = down ? -1 : 1;
  return rows.sort((one, other) => {
    const a = one[key];
    const b = other[key];
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    if (key === 'log2_fold_change' && isExpressed(one) !== isExpressed(other)) return isExpressed(one) ? -1 : 1;
    if (a === b) return strength(other) - strength(one) || 0;
    if (typeof a === 'string' || typeof b === 'string') return sign * String(a).localeCompare(String(b));
    return sign * (a - b);
  });
}

function isExpressed({ fraction_a, fraction_b }: DiffexpGene): boolean {
  return Math.max(fraction_a ?? 0, fraction_b ?? 0) >= EXPRESSED;
}

/** The size of the score; an infinite one, of genes that vary in neither set, is sent as null. */
function strength({ score, p_value }: DiffexpGene): number {
  return score === null ? (p_value === 0 ? Number.MAX_VALUE : 0) : Math.abs(score);
}
