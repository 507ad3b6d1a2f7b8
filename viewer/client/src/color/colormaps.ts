/**
 * Colour maps as short tables of stops, interpolated in OKLab.
 *
 * Sources: viridis, magma, plasma and cividis sampled from matplotlib's tables (the first three by S. van der Walt and
 * N. Smith, CC0; cividis by J. Nunez, C. Anderton and R. Renslow, 2018); `diverging` is ColorBrewer's RdBu (C. Brewer,
 * Apache 2.0), blue for low; `blues` and `reds` are our own, from the grey of non-expressing cells to a
 * strong colour.
 */
import { fromOklab, hexToRgb, type Rgb, rgbToHex, toOklab } from './oklab';

export type ColormapName = 'viridis' | 'magma' | 'plasma' | 'cividis' | 'blues' | 'reds' | 'diverging';

export type Theme = 'light' | 'dark';

export const COLORMAPS: readonly ColormapName[] = [
  'viridis',
  'magma',
  'plasma',
  'cividis',
  'blues',
  'reds',
  'diverging',
];

const VIRIDIS = [
  '#440154',
  '#482878',
  '#3e4989',
  '#31688e',
  '#26828e',
  '#1f9e89',
  '#35b779',
  '#6ece58',
  '#b5de2b',
  '#fde725',
];
const MAGMA = [
  '#000004',
  '#180f3d',
  '#440f76',
  '#721f81',
  '#9e2f7f',
  '#cd4071',
  '#f1605d',
  '#fd9668',
  '#feca8d',
  '#fcfdbf',
];
const CIVIDIS = [
  '#00224e',
  '#123570',
  '#3b496c',
  '#575d6d',
  '#707173',
  '#8a8678',
  '#a59c74',
  '#c3b369',
  '#e1cc55',
  '#fee838',
];
const PLASMA = [
  '#0d0887',
  '#46039f',
  '#7201a8',
  '#9c179e',
  '#bd3786',
  '#d8576b',
  '#ed7953',
  '#fb9f3a',
  '#fdca26',
  '#f0f921',
];
const REDS_LIGHT = ['#dcd6d3', '#e6b8a2', '#e58a6f', '#d7503f', '#ad1f2d', '#6f0a20'];
const REDS_DARK = ['#443c3a', '#7d463d', '#bb5244', '#e9735a', '#fba587', '#ffe7d9'];
const BLUES_LIGHT = ['#d3d8de', '#a3bfdc', '#6a9bd2', '#2f6fc1', '#123f9c', '#0b1f66'];
const BLUES_DARK = ['#3a414b', '#34557f', '#2f74bd', '#3f9bee', '#83c4fb', '#dff1ff'];
const RDBU_LIGHT = ['#053061', '#2166ac', '#4393c3', '#92c5de', '#dcdfe2', '#f4a582', '#d6604d', '#b2182b', '#67001f'];
const RDBU_DARK = ['#a8d8f5', '#5fb0e3', '#2f7fc0', '#2a5380', '#41434a', '#86403a', '#cc5343', '#f08a6c', '#fdd0b8'];

/** A part of a map: the whole of magma would lose its dark end on black and its light end on white. */
interface Stops {
  readonly hex: readonly string[];
  readonly from: number;
  readonly to: number;
}

function stops(name: ColormapName, theme: Theme): Stops {
  const light = theme === 'light';
  switch (name) {
    case 'viridis':
      return light ? { hex: VIRIDIS, from: 0, to: 0.97 } : { hex: VIRIDIS, from: 0.08, to: 1 };
    case 'magma':
      // From pale to dark on white: there, high must not be the pale end.
      return light ? { hex: MAGMA, from: 0.9, to: 0.05 } : { hex: MAGMA, from: 0.2, to: 1 };
    case 'plasma':
      return light ? { hex: PLASMA, from: 0, to: 0.93 } : { hex: PLASMA, from: 0.1, to: 1 };
    case 'cividis':
      return light ? { hex: CIVIDIS, from: 0, to: 0.97 } : { hex: CIVIDIS, from: 0.08, to: 1 };
    case 'blues':
      return { hex: light ? BLUES_LIGHT : BLUES_DARK, from: 0, to: 1 };
    case 'reds':
      return { hex: light ? REDS_LIGHT : REDS_DARK, from: 0, to: 1 };
    case 'diverging':
      return { hex: light ? RDBU_LIGHT : RDBU_DARK, from: 0, to: 1 };
  }
}

/** Colours of a map at equal steps, low to high. */
export function sample(name: ColormapName, theme: Theme, count: number, reverse = false): Rgb[] {
  const { hex, from, to } = stops(name, theme);
  const lab = hex.map((stop) => toOklab(hexToRgb(stop)));
  const colors: Rgb[] = [];
  for (let i = 0; i < count; i++) {
    const share = count === 1 ? 1 : i / (count - 1);
    const at = (from + (to - from) * (reverse ? 1 - share : share)) * (lab.length - 1);
    const below = Math.min(Math.floor(at), lab.length - 2);
    const a = lab[below] as Rgb;
    const b = lab[below + 1] as Rgb;
    const t = at - below;
    colors.push(fromOklab([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]));
  }
  return colors;
}

/** A CSS `linear-gradient` to the right, for legends. */
export function gradient(name: ColormapName, theme: Theme, reverse = false): string {
  return `linear-gradient(to right, ${sample(name, theme, 16, reverse).map(rgbToHex).join(', ')})`;
}
