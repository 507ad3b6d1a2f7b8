import type { Lut } from '../canvas/paint';

/** The CSS colour of a category (-1: missing) as the plot draws it. */
export function chipColor(lut: Lut, code: number): string {
  const at = 4 * (code + 1);
  return `rgb(${lut.rgba[at]} ${lut.rgba[at + 1]} ${lut.rgba[at + 2]})`;
}
