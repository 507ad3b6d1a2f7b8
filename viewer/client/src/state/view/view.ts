/**
 * The view: all choices of the user that can be undone, as one small immutable object. Sets of cells are stored elsewhere
 * (`Viewer.cells`); the view refers to them by number.
 */
import type { ObsColumn, Schema } from '../../api/types';
import type { FieldFilter } from './fieldFilter';
import { type Axes, type FieldRef, type GeneRef, geneKey, type LevelRef, type ObspRowRef } from './fieldRef';
import { NO_OVERLAYS, type Overlays } from './overlays';
import type { SelectionExpression } from './selectionExpression';
import { DEFAULT_TISSUE, type TissueLook } from './tissue';

export type ColorBy =
  | { readonly kind: 'none' }
  | { readonly kind: 'obs'; readonly column: string }
  /** An annotation of the user. */
  | { readonly kind: 'annotation'; readonly annotation: string }
  | ({ readonly kind: 'level' } & LevelRef)
  | ({ readonly kind: 'gene' } & GeneRef)
  /** The obsp row of the focused cell. */
  | ({ readonly kind: 'obsp' } & ObspRowRef)
  /** Two fields of numbers at once. */
  | { readonly kind: 'pair'; readonly a: FieldRef; readonly b: FieldRef };

/** A reference to a set of cells in the `CellStore`. */
export interface CellsRef {
  readonly id: number;
  readonly n: number;
  /** The name of a set. */
  readonly name?: string;
  /** The expression for links; null if it is too long. */
  readonly expression?: SelectionExpression | null;
}

/** Small pictures of the embedding: one for each recent gene, for each category of a column, or for each slide. */
export type Gallery =
  | { readonly kind: 'genes' }
  | { readonly kind: 'categories'; readonly column: string }
  /** One picture for each slide of a spatial embedding. */
  | { readonly kind: 'sections' };

/** The specification of a plot. */
export interface PaneSpec {
  readonly embedding: string | null;
  /** Used in place of the embedding if not null. */
  readonly axes: Axes | null;
  readonly color: ColorBy;
}

/** The view. Its own fields of `PaneSpec` are those of the active plot. */
export interface View extends PaneSpec {
  /** In reading order. The entry at `active` is outdated, see `paneSpecs`. */
  readonly panes: readonly PaneSpec[];
  readonly active: number;
  /** Small pictures side by side in place of the plots. */
  readonly gallery: Gallery | null;
  /** The column whose names stay on the plots, whatever their colours; null: that of the colours. */
  readonly names: FieldRef | null;
  /** The cell that the user has clicked. */
  readonly focus: number | null;
  /** The subset of cells that is shown; null: all. */
  readonly subset: CellsRef | null;
  readonly matrix: string | null;
  /** Filters by field key, see `obsKey` and `geneKey`. */
  readonly filters: Readonly<Record<string, FieldFilter>>;
  readonly lasso: CellsRef | null;
  readonly setA: CellsRef | null;
  readonly setB: CellsRef | 'rest' | null;
  /** Recent genes, the newest first. */
  readonly genes: readonly GeneRef[];
  /** Keys of pinned genes, which stay in the list. */
  readonly pinned: readonly string[];
  /** Scales of fields of numbers that differ from the default, by field key. */
  readonly scales: Readonly<Record<string, FieldScale>>;
  /** How spatial embeddings are shown. */
  readonly tissue: TissueLook;
  /** The results of the file that are drawn above the cells. */
  readonly overlays: Overlays;
  /** The states of annotations and gene sets, which are restored by undo as well. */
  readonly itemStates: ItemStates;
}

/** The number of the state of each annotation and gene set by its id, see `SyncedCollection`. */
export type ItemStates = Readonly<Record<string, number>>;

export const NO_ITEM_STATES: ItemStates = {};

/** The scale of a field of numbers. */
export interface FieldScale {
  readonly log: boolean;
  /** Percentiles at which values are clipped; null: the default. */
  readonly clip: readonly [number, number] | null;
}

export const DEFAULT_SCALE: FieldScale = { log: false, clip: null };

/** The limit of recent genes. */
export const MAX_GENES = 20;

/** Return whether cells can be compared: there is a matrix, and comparisons are not disabled. */
export function canCompare(schema: Schema): boolean {
  return schema.matrices.length > 0 && schema.features.diffexp !== false;
}

/** Return whether comparisons are disabled on the server. */
export function isCompareDisabled(schema: Schema): boolean {
  return schema.matrices.length > 0 && schema.features.diffexp === false;
}

/** Return the first view of a dataset. */
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
    names: null,
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
    tissue: DEFAULT_TISSUE,
    overlays: NO_OVERLAYS,
    itemStates: NO_ITEM_STATES,
  };
  return withColor(view, first.color);
}

/** Return the default colours: the setting of the operator (a column or a gene), else the most informative column. */
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

/** Return the most informative column: cell types, else clusters, else any with few categories. */
export function bestColumn(columns: readonly ObsColumn[]): ObsColumn | undefined {
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

/** Add recent genes. Beyond the limit the oldest that are not pinned are removed. */
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

/** Pin or unpin a gene. */
export function withPin(view: View, gene: GeneRef, pinned: boolean): View {
  const key = geneKey(gene);
  const others = view.pinned.filter((other) => other !== key);
  return { ...view, pinned: pinned ? [...others, key] : others };
}

/** Set the scale of a field; the default is not stored. */
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

/** Focus a cell, or none. Colours by the obsp row of the focused cell follow. */
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

/** Return the sections of the same coordinates as an embedding, by default as the first section. */
export function sectionsBeside(schema: Pick<Schema, 'embeddings'>, embedding: string | null): Schema['embeddings'] {
  const sections = sectionsOf(schema);
  const wholeOf = ({ name, library }: Schema['embeddings'][number]) => name.slice(0, -`/${library}`.length);
  const shown = sections.find((section) => section.name === embedding || wholeOf(section) === embedding) ?? sections[0];
  return shown ? sections.filter((section) => wholeOf(section) === wholeOf(shown)) : [];
}

/** Return the embeddings of one slide each. */
export function sectionsOf({ embeddings }: Pick<Schema, 'embeddings'>): Schema['embeddings'] {
  return embeddings.filter(({ library }) => library !== null);
}
