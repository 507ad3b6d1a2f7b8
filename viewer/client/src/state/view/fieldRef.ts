/** How fields are named: columns of obs, labels, genes and rows of matrices of cells by cells, and the keys the page knows them by. */

/** A cell's row of a matrix of cells by cells. */
export interface ObspRowRef {
  readonly obsp: string;
  readonly cell: number;
}

/** Names a column of obs, a label of the user's own, a gene of a matrix, or what a cell is to the others. */
export type FieldRef = { readonly obs: string } | { readonly annotation: string } | GeneRef | ObspRowRef;

/** A gene, or a list of genes in one number per cell, of a matrix. */
export interface GeneRef {
  /** The name of the gene, or of the list. */
  readonly gene: string;
  readonly matrix: string;
  readonly list?: GeneList;
}

/** Genes taken together: their mean, or their score against genes of like expression. */
export interface GeneList {
  readonly genes: readonly string[];
  readonly method: 'mean' | 'score';
}

/** Two fields of numbers in place of an embedding. */
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

/** The key the page knows a field by. */
export function keyOf(field: FieldRef): string {
  if ('obs' in field) return obsKey(field.obs);
  if ('obsp' in field) return obspRowKey(field);
  return 'annotation' in field ? annotationKey(field.annotation) : geneKey(field);
}
