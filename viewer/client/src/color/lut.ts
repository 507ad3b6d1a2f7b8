/**
 * Look-up tables of the scatter plot: what each code looks like. Recolouring, hiding and highlighting make a new table; the
 * codes of the cells stay.
 *
 * Codes of categories: 0 is missing, category k is k + 1. Codes of values: 0 is missing, 1 is zero (or the lowest
 * level), 255 the highest level.
 */
import type { Lut } from '../canvas/scatter';
import type { ColormapName } from './colormaps';

export type Theme = 'light' | 'dark';

export interface CategoryLutOptions {
  /** CSS hex colours (#rgb, #rrggbb) of the categories, in their order. Shorter or null: filled from our palette. */
  colors: readonly string[] | null;
  /** Number of categories. */
  size: number;
  theme: Theme;
  /** Categories (0-based) that are not drawn. */
  hidden?: ReadonlySet<number>;
  /** Categories (0-based) that stand out: all others fade. Empty or absent: none does. */
  highlighted?: ReadonlySet<number>;
  /** Whether cells without a category are drawn (greyish); true by default. */
  missing?: boolean;
}

/** Table for codes made by `categoryCodes`. */
export declare function categoryLut(options: CategoryLutOptions): Lut;

export interface ValueLutOptions {
  colormap: ColormapName;
  theme: Theme;
  reverse?: boolean;
  /** Whether code 1 is exactly zero and drawn grey, so that expressing cells stand out. Must agree with `quantise`. */
  zero?: boolean;
  /** Whether cells without a value are drawn; true by default. */
  missing?: boolean;
}

/** Table for codes made by `quantise`. */
export declare function valueLut(options: ValueLutOptions): Lut;

/** A CSS `linear-gradient(to right, ...)` of a colour map, for legends. */
export declare function gradient(colormap: ColormapName, theme: Theme, reverse?: boolean): string;

/** The colours the plot uses for cells that say nothing, and behind everything: for legends. */
export declare function neutrals(theme: Theme): { missing: string; zero: string; faded: string; background: string };
