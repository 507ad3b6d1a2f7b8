/**
 * How a list of cells was made, so that it can be made again elsewhere: a link says "within this polygon" rather than
 * name fifty thousand cells.
 */
import { cellsOf } from './cells';
import type { FieldData } from './field';
import { lassoCells } from './lasso';
import type { Turn } from './turn';
import { type Axes, type CategoryFilter, type FieldFilter, type GeneRef, isShown } from './view';

/** A cell's row of a matrix of cells by cells. */
export interface RowRef {
  readonly pairs: string;
  readonly cell: number;
}

/** Names a column of obs, a label of the user's own, a gene of a matrix, or what a cell is to the others. */
export type FieldRef = { readonly obs: string } | { readonly label: string } | GeneRef | RowRef;

/** A filter with the name of its field. */
export type NamedFilter = { readonly field: FieldRef } & FieldFilter;

export type Joining = 'add' | 'subtract' | 'intersect';

export type Recipe =
  /** Corners [x0, y0, x1, y1, ...] in the units of the embedding, or of the axes' plot. */
  | { readonly polygon: readonly number[]; readonly embedding: string; readonly turn?: Turn }
  | { readonly polygon: readonly number[]; readonly axes: Axes }
  /** What passes all of these. */
  | { readonly filters: readonly NamedFilter[] }
  | { readonly join: Joining; readonly of: readonly [Recipe, Recipe] }
  | { readonly not: Recipe }
  /** A list, see `packCells`. */
  | { readonly cells: string };

/** Where a recipe's ingredients come from. */
export interface Ingredients {
  readonly n: number;
  place(place: string | Axes, turn?: Turn): Promise<{ readonly x: Float32Array; readonly y: Float32Array }>;
  field(ref: FieldRef): Promise<FieldData>;
}

/** A recipe of so many steps is a person's; beyond, somebody plays tricks. */
export const DEEPEST = 64;

/** Make the list: the cells, ascending. */
export async function cook(recipe: Recipe, from: Ingredients): Promise<Uint32Array> {
  return cellsOf(await maskOf(recipe, from), from.n);
}

async function maskOf(recipe: Recipe, from: Ingredients): Promise<Uint8Array> {
  if ('polygon' in recipe) {
    const { x, y } = await ('axes' in recipe ? from.place(recipe.axes) : from.place(recipe.embedding, recipe.turn));
    return masked(lassoCells(x, y, recipe.polygon), from.n);
  }
  if ('cells' in recipe) return masked(unpackCells(recipe.cells, from.n), from.n);
  if ('not' in recipe) return (await maskOf(recipe.not, from)).map((passes) => 1 - passes);
  if ('join' in recipe) {
    const [first, second] = [await maskOf(recipe.of[0], from), await maskOf(recipe.of[1], from)];
    const { join } = recipe;
    return first.map((a, cell) => {
      const b = second[cell] as number;
      return join === 'add' ? a | b : join === 'intersect' ? a & b : a & (1 - b);
    });
  }
  const mask = new Uint8Array(from.n).fill(1);
  for (const filter of recipe.filters) exclude(mask, await from.field(filter.field), filter);
  return mask;
}

function masked(cells: Uint32Array, n: number): Uint8Array {
  const mask = new Uint8Array(n);
  for (const cell of cells) mask[cell] = 1;
  return mask;
}

/** Take out of a mask what a filter does not let through; the same decisions as the crossfilter's. */
function exclude(mask: Uint8Array, field: FieldData, filter: FieldFilter): void {
  if (field.kind === 'text') return;
  if (filter.kind === 'category') {
    if (field.kind !== 'category') return;
    const shown = passing(filter, field.categories.length);
    for (let cell = 0; cell < mask.length; cell++) {
      const code = field.values[cell] as number;
      if (!shown[code >= 0 && code < shown.length - 1 ? code : shown.length - 1]) mask[cell] = 0;
    }
    return;
  }
  if (field.kind !== 'range') return;
  for (let cell = 0; cell < mask.length; cell++) {
    const value = field.values[cell] as number;
    const within = value - value === 0 && value >= filter.min && value <= filter.max;
    if (!within || field.missing?.[cell]) mask[cell] = 0;
  }
}

/** Whether each category passes, "missing" last. */
function passing(filter: CategoryFilter, size: number): Uint8Array {
  const shown = new Uint8Array(size + 1).fill(filter.mode === 'only' ? 0 : 1);
  for (const code of filter.codes) {
    const at = code < 0 ? size : code;
    if (at <= size) shown[at] = isShown(filter, code) ? 1 : 0;
  }
  return shown;
}

/** How deep a recipe is; Infinity from DEEPEST on. */
export function depthOf(recipe: Recipe, above = 0): number {
  if (above >= DEEPEST) return Number.POSITIVE_INFINITY;
  if ('not' in recipe) return depthOf(recipe.not, above + 1);
  if ('join' in recipe) return Math.max(...recipe.of.map((part) => depthOf(part, above + 1)));
  return above + 1;
}

/**
 * A list of ascending cells as text: runs, each the gap before it and its length, seven bits a byte, then base64url. Null
 * where it would be longer than `most`.
 */
export function packCells(cells: Uint32Array, most = Number.POSITIVE_INFINITY): string | null {
  const bytes: number[] = [];
  const put = (value: number) => {
    while (value >= 128) {
      bytes.push((value & 127) | 128);
      value = Math.floor(value / 128);
    }
    bytes.push(value);
  };
  let end = 0;
  for (let k = 0; k < cells.length; ) {
    const begin = cells[k] as number;
    let after = begin + 1;
    k++;
    while (k < cells.length && cells[k] === after) {
      after++;
      k++;
    }
    put(begin - end);
    put(after - begin - 1);
    end = after;
    if (bytes.length * 4 > most * 3) return null;
  }
  return toBase64(Uint8Array.from(bytes));
}

/** The cells of a packed list; what is not below n is left out. */
export function unpackCells(text: string, n: number): Uint32Array {
  const bytes = fromBase64(text);
  const cells: number[] = [];
  let at = 0;
  const take = (): number => {
    let value = 0;
    let scale = 1;
    while (at < bytes.length) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    return value;
  };
  let end = 0;
  while (at < bytes.length) {
    const begin = end + take();
    end = begin + take() + 1;
    if (begin >= n) break;
    for (let cell = begin; cell < Math.min(end, n); cell++) cells.push(cell);
  }
  return Uint32Array.from(cells);
}

/** Bytes as text that needs no escape in an address. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @throws DOMException where the text is not base64 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
