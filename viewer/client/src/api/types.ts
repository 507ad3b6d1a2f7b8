/** The JSON of the HTTP interface, version 1. */
import type { Idle } from './curationTypes';

export type ColumnKind = 'categorical' | 'continuous' | 'boolean' | 'string' | 'datetime';

export interface ObsColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly dtype: string;
  readonly n_categories?: number | null;
  readonly ordered?: boolean;
  readonly categories?: readonly string[] | null;
  readonly colors?: readonly string[] | null;
  readonly n_missing?: number | null;
}

export interface EmbeddingInfo {
  readonly name: string;
  readonly dims: number;
}

export interface ImageInfo {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Pixels for each unit of the spatial coordinates. */
  readonly scale: number;
}

export interface MatrixInfo {
  readonly name: string;
  readonly n_vars: number;
  readonly dtype: string;
  readonly layout: string;
  readonly nnz: number | null;
}

export interface Schema {
  /** Of this very state of the file. */
  readonly revision?: string;
  readonly title: string;
  readonly fingerprint: string;
  readonly version: string;
  readonly n_obs: number;
  readonly n_vars: number;
  readonly obs: readonly ObsColumn[];
  readonly embeddings: readonly EmbeddingInfo[];
  /** Names of the matrices of cells by cells. */
  readonly obsp?: readonly string[];
  /** Pictures under the cells of spatial embeddings. */
  readonly images?: readonly ImageInfo[];
  readonly matrices: readonly MatrixInfo[];
  readonly default_matrix: string | null;
  /** The methods of comparison; the first is the default. */
  readonly methods: readonly MethodInfo[];
  /** What the operator wants the page to open with; empty: what the page finds best. */
  readonly defaults: { readonly color_by: string; readonly embedding: string };
  readonly genes: {
    readonly n: number;
    readonly names_from: string;
    readonly columns: readonly string[];
    readonly n_duplicated: number;
  };
  readonly cells: { readonly names_from: string; readonly n_duplicated: number };
  readonly features: Readonly<Record<string, boolean>>;
  /** Address of a page about the dataset. */
  readonly about?: string;
  readonly warnings: readonly string[];
}

export interface Health {
  readonly app: string;
  readonly version: string;
  readonly state: 'loading' | 'ready' | 'error';
  readonly progress: number | null;
  readonly message: string;
  readonly title?: string | null;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
  /** The matrix whose index is made, and how far. */
  /** Fraction of the file that is downloaded, until all of it is. */
  readonly downloaded?: number;
  readonly indexing?: { readonly matrix: string; readonly progress: number };
  /** Where the server ends when nobody uses it. */
  readonly idle?: Idle;
  /** What the server could not do; it goes on without. */
  readonly problems?: readonly string[];
}

export interface Gene {
  readonly name: string;
  readonly id: string | null;
  readonly index: number;
  /** What a search found it by, where that is neither its name nor its id. */
  readonly alias: string | null;
}

export interface GeneMatches {
  readonly n: number;
  readonly total: number;
  readonly genes: readonly Gene[];
}

/** The genes of a list of names, and the names that no gene has. */
export interface GenesNamed {
  readonly genes: readonly Gene[];
  readonly missing: readonly string[];
}

export type Selection = { readonly indices: readonly number[] } | { readonly ranges: readonly (readonly number[])[] };

/** A method of comparison. */
export interface MethodInfo {
  readonly id: string;
  /** Its name on a button. */
  readonly label: string;
  /** Its name in a sentence. */
  readonly name: string;
  readonly description: string;
  /** The smallest number of cells of a group. */
  readonly fewest_cells: number;
  readonly needs_index: boolean;
  readonly has_auc: boolean;
  readonly has_fold_change: boolean;
  /** The columns of its results. */
  readonly columns: readonly (keyof DiffexpGene)[];
}

/** What a matrix' numbers are: logarithms, counts or the like, or (scaled) numbers of either sign, which have no fold change. */
export type Scale = 'log1p' | 'linear' | 'signed';

export interface DiffexpRequest {
  readonly a: Selection;
  readonly b: Selection | 'rest';
  readonly method: string;
  readonly matrix: string;
  readonly limit: number;
}

export interface DiffexpGene {
  readonly gene: string;
  readonly log2_fold_change: number | null;
  readonly score: number | null;
  readonly p_value: number | null;
  readonly p_adjusted: number | null;
  readonly mean_a: number | null;
  readonly mean_b: number | null;
  readonly fraction_a: number | null;
  readonly fraction_b: number | null;
  /** Of some methods alone. */
  readonly auc: number | null;
}

export interface DiffexpResult {
  readonly method: string;
  readonly matrix: string;
  readonly correction: string;
  readonly scale: Scale;
  readonly n_a: number;
  readonly n_b: number;
  readonly n_genes: number;
  readonly job_id?: string;
  readonly genes: readonly DiffexpGene[];
}

export interface MarkersRequest {
  readonly group_by: string;
  readonly method: string;
  readonly matrix: string;
  /** Genes of each category. */
  readonly limit: number;
}

export interface GroupMarkers {
  readonly name: string;
  readonly n: number;
  readonly n_rest: number;
  readonly genes: readonly DiffexpGene[];
}

export interface MarkersResult {
  readonly method: string;
  readonly matrix: string;
  readonly scale: Scale;
  readonly group_by: string;
  readonly job_id?: string;
  readonly groups: readonly GroupMarkers[];
}

/** Of each gene, in each category: mean and fraction of cells above 0; null where a category has no cells. */
export interface Summary {
  readonly groups: readonly string[];
  readonly n: readonly number[];
  readonly genes: readonly {
    readonly gene: string;
    readonly mean: readonly (number | null)[];
    readonly fraction: readonly (number | null)[];
  }[];
}

/** How values spread in each category (and part of it): quantiles at `levels`, densities along `grid`. */
export interface Spread {
  readonly levels: readonly number[];
  readonly grid: readonly number[];
  readonly groups: readonly {
    readonly name: string;
    readonly part: string | null;
    readonly n: number;
    readonly mean: number | null;
    readonly quantiles: readonly (number | null)[];
    readonly density: readonly number[] | null;
  }[];
}

export interface Job {
  readonly id: string;
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly progress: number | null;
  readonly message: string | null;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

/** What a question that takes time is answered with: a job still at work, or the result. */
export interface JobAnswer<T> {
  readonly job: Job | null;
  readonly result: T | null;
}
