/** References to fields (obs columns, annotations, genes, obsp rows) and their keys. */

/** The row of a cell in a matrix of obsp. */
export interface ObspRowRef {
  readonly obsp: string;
  readonly cell: number;
}

/** A reference to a column of cells: an obs column or an annotation. */
export type ColumnRef = { readonly obs: string } | { readonly annotation: string };

/** The first parts of the categories of a column, see `levels.ts`. */
export interface LevelRef {
  /** The number of parts. */
  readonly level: number;
  readonly of: ColumnRef;
}

/** A reference to a column, a level of one, a gene of a matrix or an obsp row. */
export type FieldRef = ColumnRef | LevelRef | GeneRef | ObspRowRef;

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

/** Return the key of a level of a column. */
export function levelKey(level: number, column: string): string {
  return `level:${level}:${column}`;
}

/** Return the level and the key of its column; null for the key of another field. */
export function levelOfKey(key: string): { readonly level: number; readonly column: string } | null {
  const [, level, column] = /^level:([1-9]):(.*)$/s.exec(key) ?? [];
  return level !== undefined && column !== undefined ? { level: Number(level), column } : null;
}

/** Return whether a field is an annotation, or a level of one. */
export function isOfAnnotation(key: string): boolean {
  return isAnnotationKey(levelOfKey(key)?.column ?? key);
}

export function geneKey({ gene, matrix, list }: GeneRef): string {
  if (list) return `list:${matrix}:${list.method}:${gene}:${list.genes.join(' ')}`;
  return `gene:${matrix}:${gene}`;
}

/** Return the key of a field. */
export function keyOf(field: FieldRef): string {
  if ('obs' in field) return obsKey(field.obs);
  if ('level' in field) return levelKey(field.level, keyOf(field.of));
  if ('obsp' in field) return obspRowKey(field);
  return 'annotation' in field ? annotationKey(field.annotation) : geneKey(field);
}
