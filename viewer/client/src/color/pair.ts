/**
 * Two numbers in one colour: each of its own hue, both together dark (on a dark page bright), neither grey. Blue and
 * orange are told apart by almost everyone.
 */
import type { Lut } from '../canvas/paint';
import type { Theme } from './colormaps';
import { fromOklab, hexToRgb, type Rgb, rgbToHex, toOklab } from './oklab';

/** Steps of each number, none at all among them. */
const LEVELS = 15;

/** Neither, the first alone, the second alone, both. */
const CORNERS: Record<Theme, readonly [string, string, string, string]> = {
  light: ['#dcdfe3', '#0b6fd6', '#f08a00', '#3a1244'],
  dark: ['#363a41', '#3fa0ff', '#ffa01f', '#ffffff'],
};

/** Codes of the pairs of levels: what is high in either comes late, and so lies on top. 0 is missing. */
const CODES: Uint8Array = orderedCodes();

function orderedCodes(): Uint8Array {
  const pairs = Array.from({ length: LEVELS * LEVELS }, (_, k) => k);
  const weight = (k: number) => {
    const [a, b] = [Math.floor(k / LEVELS), k % LEVELS];
    return Math.max(a, b) * LEVELS + Math.min(a, b);
  };
  pairs.sort((one, other) => weight(one) - weight(other) || one - other);
  const codes = new Uint8Array(LEVELS * LEVELS);
  pairs.forEach((pair, rank) => {
    codes[pair] = rank + 1;
  });
  return codes;
}

/** Two columns of value codes (0 missing, 1 lowest, 255 highest) as one of pairs. */
export function pairCodes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const codes = new Uint8Array(a.length);
  for (let cell = 0; cell < codes.length; cell++) {
    const one = a[cell] as number;
    const other = b[cell] as number;
    if (one && other) codes[cell] = CODES[levelOf(one) * LEVELS + levelOf(other)] as number;
  }
  return codes;
}

function levelOf(code: number): number {
  return code === 1 ? 0 : Math.min(LEVELS - 1, 1 + Math.floor(((code - 2) * (LEVELS - 1)) / 254));
}

/** Table for codes made by `pairCodes`. */
export function pairLut(theme: Theme): Lut {
  const rgba = new Uint8Array(4 * (LEVELS * LEVELS + 1));
  rgba.set([...hexToRgb(theme === 'light' ? '#c4c4c4' : '#50545a'), 255], 0);
  for (let a = 0; a < LEVELS; a++) {
    for (let b = 0; b < LEVELS; b++) {
      const color = mixed(theme, a / (LEVELS - 1), b / (LEVELS - 1));
      rgba.set([...color, 255], 4 * (CODES[a * LEVELS + b] as number));
    }
  }
  return { rgba, levels: null };
}

/** CSS colours of a square of so many steps, for the legend: rows from high to low of the second, columns of the first. */
export function pairSquare(theme: Theme, steps: number): string[][] {
  return Array.from({ length: steps }, (_, row) =>
    Array.from({ length: steps }, (_, column) => rgbToHex(mixed(theme, column / (steps - 1), 1 - row / (steps - 1)))),
  );
}

function mixed(theme: Theme, a: number, b: number): Rgb {
  const corners = CORNERS[theme].map((hex) => toOklab(hexToRgb(hex)));
  const weights = [(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b];
  const at = (part: 0 | 1 | 2) => corners.reduce((sum, lab, k) => sum + lab[part] * (weights[k] as number), 0);
  return fromOklab([at(0), at(1), at(2)]);
}
