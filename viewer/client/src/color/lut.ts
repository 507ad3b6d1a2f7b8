/**
 * Look-up tables of the scatter plot: what each code looks like. Recolouring, hiding and highlighting make a new table; the
 * codes of the cells stay.
 *
 * Codes of categories: 0 is missing, category k is k + 1. Codes of values: 0 is missing, 1 is zero (or the lowest
 * level), 255 the highest level.
 */
import { FADED, HIGHLIGHTED, type Lut, NORMAL } from '../canvas/paint';
import { type ColormapName, sample, type Theme } from './colormaps';
import { fromOklab, hexToRgb, type Rgb, toOklab } from './oklab';
import { palette } from './palette';

export { COLORMAPS, type ColormapName, gradient, type Theme } from './colormaps';

/** Colours that say nothing: of cells without a value, of zeros, of faded cells, and behind everything. */
export interface Neutrals {
  missing: string;
  zero: string;
  /** Of zeros while only some cells are selected: these must not look like the others, which are faded. */
  selectedZero: string;
  faded: string;
  background: string;
}

const NEUTRALS: Record<Theme, Neutrals> = {
  light: { missing: '#c4c4c4', zero: '#b3bdcc', selectedZero: '#8494ad', faded: '#e3e5e8', background: '#ffffff' },
  dark: { missing: '#50545a', zero: '#4a566b', selectedZero: '#73839f', faded: '#2a2d32', background: '#111214' },
};

/** The colours the plot uses for cells that say nothing, and behind everything: for legends. */
export function neutrals(theme: Theme): Neutrals {
  return { ...NEUTRALS[theme] };
}

export interface CategoryLutOptions {
  /** CSS hex colours (#rgb, #rrggbb) of the categories, in their order. Absent, short or bad ones are filled from our palette. */
  colors: readonly string[] | null;
  /** Number of categories. */
  size: number;
  theme: Theme;
  /** Categories (0-based) that are not drawn. */
  hidden?: ReadonlySet<number> | null;
  /** Categories (0-based) that stand out: all others fade. Empty or absent: none does. */
  highlighted?: ReadonlySet<number> | null;
  /** Whether cells without a category are drawn (greyish); true by default. */
  missing?: boolean;
}

/** Colours of less lightness are lost on a dark ground. */
const LOST = 0.45;

/**
 * Return a colour that was given as it is drawn. On a dark ground those that would be lost are lighter; the order of their
 * lightness stays.
 */
function given(rgb: Rgb, theme: Theme): Rgb {
  const [lightness, a, b] = toOklab(rgb);
  return theme === 'light' || lightness >= LOST ? rgb : fromOklab([0.8 * LOST + 0.2 * lightness, a, b]);
}

/** Return a colour of the palette as it is drawn: lighter on a dark ground. */
function ofPalette(hex: string, theme: Theme): Rgb {
  const rgb = hexToRgb(hex);
  const [lightness, a, b] = toOklab(rgb);
  return theme === 'light' ? rgb : fromOklab([0.48 + 0.5 * lightness, a, b]);
}

/** Table for codes made by `categoryCodes`. */
export function categoryLut(options: CategoryLutOptions): Lut {
  const { colors, size, theme, hidden, highlighted, missing = true } = options;
  const rgba = new Uint8Array(4 * (size + 1));
  const levels = new Uint8Array(size + 1).fill(NORMAL);
  const own = colors && colors.length >= size ? null : palette(size);
  const standOut = highlighted && highlighted.size > 0 ? highlighted : null;
  const faded = hexToRgb(NEUTRALS[theme].faded);
  put(rgba, 0, standOut ? faded : hexToRgb(NEUTRALS[theme].missing), missing);
  levels[0] = FADED;
  for (let k = 0; k < size; k++) {
    const fades = standOut !== null && !standOut.has(k);
    if (fades) put(rgba, k + 1, faded, !hidden?.has(k));
    else {
      const wanted = parse(colors?.[k]);
      const color = wanted ? given(wanted, theme) : ofPalette((own ?? palette(size))[k] as string, theme);
      put(rgba, k + 1, color, !hidden?.has(k));
    }
    if (standOut) levels[k + 1] = fades ? FADED : HIGHLIGHTED;
  }
  return { rgba, levels };
}

export interface ValueLutOptions {
  colormap: ColormapName;
  theme: Theme;
  reverse?: boolean;
  /** Whether code 1 is exactly zero and drawn grey, so that expressing cells stand out. Must agree with `quantise`. */
  zero?: boolean;
  /** Whether only some cells are selected, and the others faded. */
  selecting?: boolean;
  /** Whether cells without a value are drawn; true by default. */
  missing?: boolean;
}

/** Table for codes made by `quantise`. */
export function valueLut(options: ValueLutOptions): Lut {
  const { colormap, theme, reverse = false, zero = false, selecting = false, missing = true } = options;
  const rgba = new Uint8Array(4 * 256);
  put(rgba, 0, hexToRgb(NEUTRALS[theme].missing), missing);
  const first = zero ? 2 : 1;
  if (zero) put(rgba, 1, hexToRgb(selecting ? NEUTRALS[theme].selectedZero : NEUTRALS[theme].zero), true);
  sample(colormap, theme, 256 - first, reverse).forEach((rgb, k) => {
    put(rgba, first + k, rgb, true);
  });
  return { rgba, levels: null };
}

/** Table for a plot without a colour by column: every cell (code 0) alike. */
export function plainLut(theme: Theme, color?: string): Lut {
  const rgba = new Uint8Array(4);
  put(rgba, 0, parse(color) ?? hexToRgb(theme === 'light' ? '#5b6b7f' : '#9fb0c4'), true);
  return { rgba, levels: null };
}

function parse(hex: string | undefined): Rgb | null {
  if (hex === undefined) return null;
  try {
    return hexToRgb(hex);
  } catch {
    return null;
  }
}

function put(rgba: Uint8Array, code: number, [r, g, b]: Rgb, drawn: boolean): void {
  rgba.set([r, g, b, drawn ? 255 : 0], 4 * code);
}
