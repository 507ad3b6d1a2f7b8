/** The values of a field: for colours, filters, histograms and the hover card. */
import type { ObsColumn } from '../../api/types';
import { percentiles } from '../../color/codes';
import type { FieldSpec } from '../../crossfilter/engine';
import type { Column, NumberArray } from '../../wire/columns';
import type { ObspRowRef } from '../view/fieldRef';
import { type GeneRef, geneKey, obsKey, obspRowKey } from '../view/fieldRef';
import { DEFAULT_SCALE, type FieldScale } from '../view/view';

export interface CategoryData {
  readonly kind: 'category';
  readonly key: string;
  readonly title: string;
  readonly values: NumberArray;
  readonly categories: readonly string[];
  readonly colors: readonly string[] | null;
  readonly hasMissing: boolean;
  /** The name of cells without a category; by default "Missing". */
  readonly without?: string;
}

export interface RangeData {
  readonly kind: 'range';
  readonly key: string;
  readonly title: string;
  readonly values: NumberArray;
  readonly missing: Uint8Array | null;
  readonly isDate: boolean;
  readonly gene: GeneRef | null;
}

/** A column with too many different texts for categories: shown for single cells, but neither drawn nor filtered. */
export interface TextData {
  readonly kind: 'text';
  readonly key: string;
  readonly title: string;
  readonly values: readonly (string | null)[];
}

export type FieldData = CategoryData | RangeData | TextData;

export function obsField(info: ObsColumn, column: Column): FieldData {
  const key = obsKey(info.name);
  const title = info.name;
  if (column.layout === 'string') return { kind: 'text', key, title, values: column.values };
  const values = column.dense();
  const categories = column.layout === 'dense' ? column.categories : null;
  if (categories) {
    return { kind: 'category', key, title, values, categories, colors: info.colors ?? null, hasMissing: any(values) };
  }
  const missing = column.layout === 'dense' ? column.missing : null;
  return { kind: 'range', key, title, values, missing, isDate: info.kind === 'datetime', gene: null };
}

export function geneField(gene: GeneRef, column: Column): FieldData {
  const key = geneKey(gene);
  if (column.layout === 'string') return { kind: 'text', key, title: gene.gene, values: column.values };
  return { kind: 'range', key, title: gene.gene, values: column.dense(), missing: null, isDate: false, gene };
}

/** Return the field of an obsp row. */
export function obspRowField(row: ObspRowRef, column: Column): FieldData {
  const title = `${row.obsp} of cell ${row.cell}`;
  if (column.layout === 'string') return { kind: 'text', key: obspRowKey(row), title, values: column.values };
  return {
    kind: 'range',
    key: obspRowKey(row),
    title,
    values: column.dense(),
    missing: null,
    isDate: false,
    gene: null,
  };
}

/** Return the specification of a field for the crossfilter; null for texts. */
export function fieldSpec(field: FieldData, scale: FieldScale = DEFAULT_SCALE): FieldSpec | null {
  if (field.kind === 'text') return null;
  if (field.kind === 'category') return { kind: 'category', codes: field.values, size: field.categories.length };
  const { values, missing } = field;
  const domain = scale.clip && percentiles(values, { missing, clip: scale.clip });
  return { kind: 'range', values, missing, bins: 40, domain, log: scale.log };
}

/** Return all codes of a field, with -1 (missing) last. */
export function codesOf(field: CategoryData): number[] {
  const codes = field.categories.map((_, code) => code);
  if (field.hasMissing) codes.push(-1);
  return codes;
}

/** Return the name of a category; -1 is "missing", or another name of the column. */
export function categoryName(categories: readonly string[], code: number, without = 'Missing'): string {
  if (code < 0) return without;
  const name = categories[code] ?? '';
  return name.trim() === '' ? '(blank)' : name;
}

/** Return the value that all cells have; null if they differ or some are missing. */
export function onlyValue(field: RangeData): number | null {
  const [first] = field.values;
  if (first === undefined || !Number.isFinite(first) || field.missing?.includes(1)) return null;
  return field.values.every((value: number) => value === first) ? first : null;
}

function any(codes: NumberArray): boolean {
  for (const code of codes) if (code < 0) return true;
  return false;
}
