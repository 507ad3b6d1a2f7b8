/** Colourings: the codes of a field for the plot, and the data of its legend. */
import type { Order } from '../../canvas/paint';
import { categoryCodes, quantiseSteps } from '../../color/codes';
import { pairCodes } from '../../color/pair';
import type { NumberArray } from '../../wire/columns';
import type { GeneRef } from '../view/fieldRef';
import { DEFAULT_SCALE, type FieldScale } from '../view/view';
import type { FieldData } from './field';

export interface PlainColoring {
  readonly kind: 'plain';
  readonly title: string;
}

export interface CategoryColoring {
  readonly kind: 'category';
  readonly key: string;
  readonly title: string;
  readonly codes: Uint8Array | Uint16Array;
  /** The codes of the file: -1 is missing. */
  readonly values: NumberArray;
  readonly categories: readonly string[];
  readonly colors: readonly string[] | null;
  readonly order: Order;
}

export interface ValueColoring {
  readonly kind: 'value';
  readonly key: string;
  readonly title: string;
  readonly subtitle: string;
  readonly codes: Uint8Array;
  readonly values: NumberArray;
  readonly domain: readonly [number, number];
  readonly extent: readonly [number, number];
  readonly nMissing: number;
  readonly nZero: number;
  /** Whether zeros are grey. */
  readonly zero: boolean;
  readonly isDate: boolean;
  /** Whether the scale is logarithmic. */
  readonly isLog: boolean;
  readonly order: Order;
}

/** Two fields of numbers at once: codes as `pairLut` has them. */
export interface PairColoring {
  readonly kind: 'pair';
  readonly key: string;
  readonly title: string;
  readonly a: ValueColoring;
  readonly b: ValueColoring;
  readonly codes: Uint8Array;
  readonly order: Order;
}

export type Coloring = PlainColoring | CategoryColoring | ValueColoring | PairColoring;

export const PLAIN: PlainColoring = { kind: 'plain', title: 'All cells' };

/** Return the numbers of cells at zero and without a value, of those of a subset if there is one. */
export function greyCells(coloring: ValueColoring, subset: Uint8Array | null): { nZero: number; nMissing: number } {
  const { nZero, nMissing, codes, zero } = coloring;
  if (!subset) return { nZero, nMissing };
  const counts = [0, 0];
  for (let cell = 0; cell < codes.length; cell++) {
    const code = codes[cell] as number;
    if (subset[cell] && code < 2) counts[code] = (counts[code] as number) + 1;
  }
  return { nMissing: counts[0] as number, nZero: zero ? (counts[1] as number) : 0 };
}

/** Compute the colouring of a field, in steps. */
export function* coloringSteps(field: FieldData, scale: FieldScale = DEFAULT_SCALE): Generator<undefined, Coloring> {
  if (field.kind === 'category') {
    return {
      kind: 'category',
      key: field.key,
      title: field.title,
      codes: categoryCodes(field.values, field.categories.length),
      values: field.values,
      categories: field.categories,
      colors: field.colors,
      order: 'shuffled',
    };
  }
  if (field.kind === 'text') return PLAIN;
  const isGene = field.gene !== null || field.key.startsWith('obsp:');
  const zero = isGene && isExpression(field.values);
  const quantised = yield* quantiseSteps(field.values, {
    missing: field.missing,
    zero,
    clip: scale.clip ?? (isGene ? [0, 99.5] : [0.5, 99.5]),
    log: scale.log,
  });
  const notes = [field.gene ? sourceOf(field.gene) : '', scale.log ? 'logarithmic scale' : ''];
  return {
    kind: 'value',
    key: field.key,
    title: field.title,
    subtitle: notes.filter(Boolean).join(', '),
    codes: quantised.codes,
    values: field.values,
    domain: quantised.domain,
    extent: quantised.extent,
    nMissing: quantised.nMissing,
    nZero: quantised.nZero,
    zero,
    isDate: field.isDate,
    isLog: scale.log,
    order: 'value',
  };
}

function sourceOf({ matrix, list }: GeneRef): string {
  if (!list) return `values from ${matrix}`;
  return `${list.method} of ${list.genes.length} genes from ${matrix}`;
}

/** Combine two colourings by numbers. */
export function pairColoring(a: Coloring, b: Coloring): Coloring {
  if (a.kind !== 'value' || b.kind !== 'value') return a;
  const title = `${a.title} and ${b.title}`;
  const codes = pairCodes(a.codes, b.codes);
  return { kind: 'pair', key: `${a.key} ${b.key}`, title, a, b, codes, order: 'value' };
}

/** Return whether values are counts or their logarithms: a scaled matrix has negative values, and its zero has no meaning. */
function isExpression(values: NumberArray): boolean {
  for (const value of values) if (value < 0) return false;
  return true;
}
