/** References to fields (obs columns, annotations, genes, obsp rows) and their keys. */

/** The row of a cell in a matrix of obsp. */
export interface ObspRowRef {
  readonly obsp: string;
  readonly cell: number;
}

/** A reference to an obs column, an annotation, a gene of a matrix or an obsp row. */
export type FieldRef = { readonly obs: string } | { readonly annotation: string } | GeneRef | ObspRowRef;

/** A gene of a matrix, or a list of genes that is summarized by one number for each cell. */
export interface GeneRef {
  /** The name of the gene, or of the list. */
  readonly gene: string;
  readonly matrix: string;
  readonly list?: GeneList;
}

/** Several genes: their mean, or their score against reference genes of similar expression. */
export interface GeneList {
  readonly genes: readonly string[];
  readonly method: 'mean' | 'score';
}

/** Two fields of numbers as the axes of a plot, in place of an embedding. */
export interface Axes {
  readonly x: FieldRef;
  readonly y: FieldRef;
}

export function obsKey(column: string): string {
  return `obs:${column}`;
}

export function annotationKey(annotation: string): string {
  return `annotation:${annotation}`;
}

export function obspRowKey({ obsp, cell }: ObspRowRef): string {
  return `obsp:${obsp}:${cell}`;
}

export function isAnnotationKey(key: string): boolean {
  return key.startsWith('annotation:');
}

export function geneKey({ gene, matrix, list }: GeneRef): string {
  if (list) return `list:${matrix}:${list.method}:${gene}:${list.genes.join(' ')}`;
  return `gene:${matrix}:${gene}`;
}

/** Return the key of a field. */
export function keyOf(field: FieldRef): string {
  if ('obs' in field) return obsKey(field.obs);
  if ('obsp' in field) return obspRowKey(field);
  return 'annotation' in field ? annotationKey(field.annotation) : geneKey(field);
}
