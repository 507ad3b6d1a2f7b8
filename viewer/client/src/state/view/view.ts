/**
 * What the user has chosen: one small immutable object, so that undo is keeping the old one. Arrays of cells live
 * elsewhere (`Viewer.cells`); here they are named by a number.
 */
import type { ObsColumn, Schema } from '../../api/types';
import type { FieldFilter } from './fieldFilter';
import { type Axes, type FieldRef, type GeneRef, geneKey, type ObspRowRef } from './fieldRef';
import type { SelectionExpression } from './selectionExpression';

export type ColorBy =
  | { readonly kind: 'none' }
  | { readonly kind: 'obs'; readonly column: string }
  /** A label of the user's own. */
  | { readonly kind: 'annotation'; readonly annotation: string }
  | ({ readonly kind: 'gene' } & GeneRef)
  /** What the focused cell is to the others. */
  | ({ readonly kind: 'obsp' } & ObspRowRef)
  /** Two fields of numbers at once. */
  | { readonly kind: 'pair'; readonly a: FieldRef; readonly b: FieldRef };

/** Cells kept in the viewer's store of cell lists. */
export interface CellsRef {
  readonly id: number;
  readonly n: number;
  /** What they are called: of sets alone. */
  readonly name?: string;
  /** How they are made anew; null where that would be too long to keep. */
  readonly expression?: SelectionExpression | null;
}

/** Small pictures of the embedding: one for each gene listed, or for each category of a column. */
export type Gallery = { readonly kind: 'genes' } | { readonly kind: 'categories'; readonly column: string };

/** What one plot shows. */
export interface PaneSpec {
  readonly embedding: string | null;
  /** Where they are given, the plot has them in place of the embedding. */
  readonly axes: Axes | null;
  readonly color: ColorBy;
}

/** What a view shows in its plots; the fields of `PaneSpec` itself are those of the plot worked in. */
export interface View extends PaneSpec {
  /** Of each plot, in reading order; what stands at `active` is out of date, see `paneSpecs`. */
  readonly panes: readonly PaneSpec[];
  readonly active: number;
  /** Small pictures side by side in place of the plots. */
  readonly gallery: Gallery | null;
  /** The cell that the user has clicked. */
  readonly focus: number | null;
  /** The cells that there are for now; null: all. */
  readonly subset: CellsRef | null;
  readonly matrix: string | null;
  /** Filters by field key, see `obsKey` and `geneKey`. */
  readonly filters: Readonly<Record<string, FieldFilter>>;
  readonly lasso: CellsRef | null;
  readonly setA: CellsRef | null;
  readonly setB: CellsRef | 'rest' | null;
  /** Genes looked at, the newest first. */
  readonly genes: readonly GeneRef[];
  /** Keys of the genes that stay in the list whatever else is looked at. */
  readonly pinned: readonly string[];
  /** How fields of numbers are scaled, by field key: those that are not as usual. */
  readonly scales: Readonly<Record<string, FieldScale>>;
  /** What the user had made then: a step back is one of it as well. */
  readonly made: Made;
}

/** The state of each thing made, by number; what the numbers mean is known to who keeps the things. */
export type Made = Readonly<Record<string, number>>;

export const NOTHING_MADE: Made = {};

/** How numbers become colours and bars. */
export interface FieldScale {
  readonly log: boolean;
  /** Percentiles beyond which values count as those at the end; null: as usual. */
  readonly clip: readonly [number, number] | null;
}

export const USUAL_SCALE: FieldScale = { log: false, clip: null };

/** Genes kept in the list. */
export const MAX_GENES = 20;

/** Whether cells can be compared: there are genes, and the operator has not switched comparisons off. */
export function canCompare(schema: Schema): boolean {
  return schema.matrices.length > 0 && schema.features.diffexp !== false;
}

/** Whether the operator has switched comparisons off. */
export function isCompareOff(schema: Schema): boolean {
  return schema.matrices.length > 0 && schema.features.diffexp === false;
}

/** The view a dataset opens with. */
export function initialView(schema: Schema): View {
  const wanted = schema.defaults.embedding;
  const embedding = schema.embeddings.find(({ name }) => name === wanted || name === `X_${wanted}`);
  const first: PaneSpec = {
    embedding: (embedding ?? schema.embeddings[0])?.name ?? null,
    axes: null,
    color: initialColor(schema),
  };
  const view: View = {
    ...first,
    panes: [first],
    active: 0,
    gallery: null,
    focus: null,
    subset: null,
    matrix: schema.default_matrix,
    filters: {},
    lasso: null,
    setA: null,
    setB: 'rest',
    genes: [],
    pinned: [],
    scales: {},
    made: NOTHING_MADE,
  };
  return withColor(view, first.color);
}

/** What the operator asks for, a column or a gene; else the column that says most. */
function initialColor(schema: Schema): ColorBy {
  const wanted = schema.defaults.color_by;
  if (wanted && !schema.obs.some((column) => column.name === wanted) && schema.default_matrix) {
    return { kind: 'gene', gene: wanted, matrix: schema.default_matrix };
  }
  const column = schema.obs.find(({ name }) => name === wanted) ?? bestColumn(schema.obs);
  return column ? { kind: 'obs', column: column.name } : { kind: 'none' };
}

const LIKELY = [
  /cell.?type/i,
  /bulk.?label/i,
  /annot|celltype|cell_ontology/i,
  /leiden|louvain|cluster/i,
  /label|type/i,
];

/** The column that says most at first sight: cell types, else clusters, else anything with few categories. */
function bestColumn(columns: readonly ObsColumn[]): ObsColumn | undefined {
  const few = columns.filter((column) => column.kind === 'categorical' && inRange(column.n_categories ?? 0, 2, 100));
  for (const pattern of LIKELY) {
    const found = few.find((column) => pattern.test(column.name));
    if (found) return found;
  }
  return few[0] ?? columns.find((column) => column.kind === 'continuous');
}

function inRange(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

export function withColor(view: View, color: ColorBy): View {
  if (color.kind === 'pair') {
    const genes = [color.a, color.b].filter((ref): ref is GeneRef => 'gene' in ref);
    return withGenes({ ...view, color }, genes);
  }
  if (color.kind !== 'gene') return { ...view, color };
  return withGenes({ ...view, color }, [color]);
}

/** Put genes at the head of the list; beyond its length the oldest go that are not pinned. */
export function withGenes(view: View, added: readonly GeneRef[]): View {
  const listed = new Set(view.genes.map(geneKey));
  const fresh = added.filter((gene) => !listed.has(geneKey(gene)));
  if (fresh.length === 0) return view;
  const genes = [
    ...fresh.map(({ gene, matrix, list }) => ({ gene, matrix, ...(list ? { list } : {}) })),
    ...view.genes,
  ];
  const pinned = new Set(view.pinned);
  for (let k = genes.length - 1; k >= 0 && genes.length > MAX_GENES; k--) {
    if (!pinned.has(geneKey(genes[k] as GeneRef))) genes.splice(k, 1);
  }
  return { ...view, genes: genes.slice(0, MAX_GENES) };
}

/** Pin a gene, or let it go with the others. */
export function withPin(view: View, gene: GeneRef, pinned: boolean): View {
  const key = geneKey(gene);
  const others = view.pinned.filter((other) => other !== key);
  return { ...view, pinned: pinned ? [...others, key] : others };
}

/** Scale a field; the usual scale is not written down. */
export function withScale(view: View, key: string, scale: FieldScale): View {
  const scales = { ...view.scales };
  if (scale.log || scale.clip) scales[key] = scale;
  else delete scales[key];
  return { ...view, scales };
}

export function withoutGene(view: View, removed: GeneRef): View {
  const key = geneKey(removed);
  const { color } = view;
  const inPair = color.kind === 'pair' && [color.a, color.b].some((ref) => 'gene' in ref && geneKey(ref) === key);
  const coloured = inPair || (color.kind === 'gene' && geneKey(color) === key);
  return {
    ...withPin(withFilter(view, key, null), removed, false),
    genes: view.genes.filter((gene) => geneKey(gene) !== key),
    color: coloured ? { kind: 'none' } : view.color,
  };
}

/** Focus a cell, or none; colours by the cell focused before go along. */
export function withFocus(view: View, cell: number | null): View {
  const follows = view.color.kind === 'obsp' && cell !== null;
  return { ...view, focus: cell, color: follows && view.color.kind === 'obsp' ? { ...view.color, cell } : view.color };
}

export function withFilter(view: View, key: string, filter: FieldFilter | null): View {
  const filters = { ...view.filters };
  if (filter) filters[key] = filter;
  else delete filters[key];
  return { ...view, filters };
}

export function withoutFilters(view: View): View {
  return { ...view, filters: {}, lasso: null };
}

export function isFiltered(view: View): boolean {
  return view.lasso !== null || Object.keys(view.filters).length > 0;
}
