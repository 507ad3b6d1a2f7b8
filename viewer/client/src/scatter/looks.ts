/** Colours of cells as the renderer takes them. */
import type { Lut, Order } from '../canvas/paint';
import { categoryLut, plainLut, type Theme, valueLut } from '../color/lut';
import { pairLut } from '../color/pair';
import type { Coloring } from '../state/fields/coloring';
import type { Choices } from '../state/page/preferences.svelte';

export interface Look {
  readonly codes: Uint8Array | Uint16Array | null;
  readonly lut: Lut;
  readonly order: Order;
}

/** Return the look of a colouring, none of whose categories is highlighted; `selecting`: see `ValueLutOptions`. */
export function lookOf(
  coloring: Coloring,
  theme: Theme,
  { colormap, reversed: reverse, palette }: Pick<Choices, 'colormap' | 'reversed' | 'palette'>,
  selecting = false,
): Look {
  if (coloring.kind === 'plain') return { codes: null, order: 'shuffled', lut: plainLut(theme) };
  const { codes, order } = coloring;
  if (coloring.kind === 'pair') return { codes, order, lut: pairLut(theme) };
  if (coloring.kind === 'value')
    return { codes, order, lut: valueLut({ colormap, theme, reverse, zero: coloring.zero, selecting }) };
  const colors = palette === 'file' ? (coloring.colors ?? null) : null;
  return { codes, order, lut: categoryLut({ colors, size: coloring.categories.length, theme }) };
}
