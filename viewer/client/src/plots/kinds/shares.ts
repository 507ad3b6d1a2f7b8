/** How the cells of one column's categories are shared out over another's. */
import type { NumberArray } from '../../wire/columns';

export interface Shares {
  /** Cells by category of the first column, then of the second; "missing" of the second is the last. */
  readonly counts: readonly Uint32Array[];
  readonly totals: readonly number[];
}

/**
 * Count the cells that pass.
 *
 * @param rows - code of the first column per cell; -1, missing, counts nowhere
 * @param parts - code of the second; -1 counts as the last part
 */
export function shares(
  rows: NumberArray,
  nRows: number,
  parts: NumberArray,
  nParts: number,
  mask: Uint8Array | null,
): Shares {
  const counts = Array.from({ length: nRows }, () => new Uint32Array(nParts + 1));
  for (let cell = 0; cell < rows.length; cell++) {
    if (mask && !mask[cell]) continue;
    const row = counts[rows[cell] as number];
    const part = parts[cell] as number;
    const at = part < 0 ? nParts : part;
    if (row) row[at] = (row[at] as number) + 1;
  }
  return { counts, totals: counts.map((row) => row.reduce((sum, n) => sum + n, 0)) };
}
