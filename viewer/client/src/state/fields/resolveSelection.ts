/** Resolution of selection expressions to cells. */

import { lassoCells } from '../../canvas/lasso';
import { unpackCells } from '../view/cellListCodec';
import { type CategoryFilter, type FieldFilter, isShown } from '../view/fieldFilter';
import type { Axes, FieldRef } from '../view/fieldRef';
import type { Rotation } from '../view/rotation3d';
import type { SelectionExpression } from '../view/selectionExpression';
import { cellsOf } from './cells';
import type { FieldData } from './field';

/** The data that expressions are resolved with. */
export interface DataSource {
  readonly n: number;
  place(place: string | Axes, rotation?: Rotation): Promise<{ readonly x: Float32Array; readonly y: Float32Array }>;
  field(ref: FieldRef): Promise<FieldData>;
}

/** Return the cells of an expression, in ascending order. */
export async function resolveSelection(expression: SelectionExpression, from: DataSource): Promise<Uint32Array> {
  return cellsOf(await maskOf(expression, from), from.n);
}

/** Return the mask of a list of cells. */
export function masked(cells: Uint32Array, n: number): Uint8Array {
  const mask = new Uint8Array(n);
  for (const cell of cells) mask[cell] = 1;
  return mask;
}

async function maskOf(expression: SelectionExpression, from: DataSource): Promise<Uint8Array> {
  if ('polygon' in expression) {
    const { x, y } = await ('axes' in expression
      ? from.place(expression.axes)
      : from.place(expression.embedding, expression.rotation));
    return masked(lassoCells(x, y, expression.polygon), from.n);
  }
  if ('cells' in expression) return masked(unpackCells(expression.cells, from.n), from.n);
  if ('not' in expression) return (await maskOf(expression.not, from)).map((passes) => 1 - passes);
  if ('join' in expression) {
    const [first, second] = [await maskOf(expression.of[0], from), await maskOf(expression.of[1], from)];
    const { join } = expression;
    return first.map((a, cell) => {
      const b = second[cell] as number;
      return join === 'add' ? a | b : join === 'intersect' ? a & b : a & (1 - b);
    });
  }
  const mask = new Uint8Array(from.n).fill(1);
  for (const filter of expression.filters) exclude(mask, await from.field(filter.field), filter);
  return mask;
}

/** Remove the cells from a mask that fail a filter, as the crossfilter does. */
export function exclude(mask: Uint8Array, field: FieldData, filter: FieldFilter): void {
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

/** Return whether each category passes, with missing last. */
function passing(filter: CategoryFilter, size: number): Uint8Array {
  const shown = new Uint8Array(size + 1).fill(filter.mode === 'only' ? 0 : 1);
  for (const code of filter.codes) {
    const at = code < 0 ? size : code;
    if (at <= size) shown[at] = isShown(filter, code) ? 1 : 0;
  }
  return shown;
}
