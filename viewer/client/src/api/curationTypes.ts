/** The JSON of what users make: labels, gene sets, and what is kept of the page. */

export interface LabelInfo {
  readonly name: string;
  readonly color: string;
  readonly note: string;
  /** Cells in it. */
  readonly n: number;
}

export interface AnnotationInfo {
  readonly name: string;
  readonly revision: number;
  readonly author: string;
  readonly time: string;
  readonly labels: readonly LabelInfo[];
  readonly n_unlabelled: number;
}

/** A category as it is to be; `was` names those it comes from, which are then no more. */
export interface LabelEdit {
  readonly name: string;
  readonly color?: string;
  readonly note?: string;
  readonly was?: string | readonly string[];
}

export interface AnnotationEdit {
  readonly labels?: readonly LabelEdit[];
  /** Of a new label: what to start from, `obs:NAME` or `annotation:NAME`. */
  readonly from?: string;
  /** The new name. */
  readonly name?: string;
}

export interface AnnotationSaved {
  readonly revision: number;
  readonly annotation: AnnotationInfo;
}

export interface Revision {
  readonly revision: number;
  readonly author: string;
  readonly time: string;
  readonly action: string;
  readonly n_labelled: number;
}

export interface Change {
  readonly revision: number;
  readonly kind: 'annotation' | 'geneset' | 'view' | 'result' | 'figure';
  readonly name: string;
  readonly action: string;
  readonly time: string;
}

/** How two labels or columns go together; the last row and column of `counts` are the cells without a category. */
export interface Agreement {
  readonly a: { readonly name: string; readonly categories: readonly string[] };
  readonly b: { readonly name: string; readonly categories: readonly string[] };
  readonly counts: readonly (readonly number[])[];
  readonly n: number;
  readonly ari: number | null;
  readonly kappa: number | null;
}

export interface Term {
  readonly id: string;
  readonly name: string;
  readonly synonyms: readonly string[];
}

export interface GeneSetInfo {
  readonly name: string;
  readonly revision: number;
  readonly genes: readonly string[];
  readonly description: string;
  /** Those the file does not have. */
  readonly missing: readonly string[];
}

export interface GeneSetEdit {
  readonly genes: readonly string[];
  readonly description?: string;
  readonly name?: string;
}

export interface GeneSetSaved {
  readonly revision: number;
  readonly geneset?: GeneSetInfo;
}

export type SavedItemKind = 'views' | 'results' | 'figures';

export interface SavedItem {
  readonly name: string;
  readonly revision: number;
  readonly time: string;
  readonly bytes: number;
  readonly thumbnail?: string | null;
}

/** A thing in an answer: its name, or an entry as lists have it. */
export type Named = string | { readonly name: string };

export interface AnnotationsImported {
  readonly annotations: readonly Named[];
  readonly matched: number;
  readonly unmatched: number;
  /** Left out: the name is that of several cells, or the file contradicts itself. */
  readonly duplicated: number;
  readonly examples: readonly string[];
}

export interface GeneSetsImported {
  readonly genesets: readonly Named[];
  readonly missing: Readonly<Record<string, readonly string[]>>;
}

export interface SessionImported {
  readonly annotations: readonly Named[];
  readonly genesets: readonly Named[];
  readonly views: readonly Named[];
  readonly unmatched: number;
  readonly duplicated: number;
  readonly examples: readonly string[];
}

export interface ExportedFile {
  readonly job_id?: string;
  readonly file: string;
  readonly bytes: number;
  /** Where it is had, below `api/v1/`. */
  readonly download: string;
  /** What is not as the labels say. */
  readonly notes?: readonly string[];
}

export interface Idle {
  readonly timeout: number;
  /** Seconds until the viewer ends by itself. */
  readonly left: number;
}
