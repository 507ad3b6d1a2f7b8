/** A logarithm for columns of numbers above 0, and for those that have zeros as well. */

export interface Logarithm {
  readonly forward: (value: number) => number;
  readonly inverse: (value: number) => number;
}

/** The logarithm for values from `least` on; null where some are negative. Zeros have one by counting from 1. */
export function logarithm(least: number): Logarithm | null {
  if (least > 0) return { forward: Math.log, inverse: Math.exp };
  return least === 0 ? { forward: Math.log1p, inverse: Math.expm1 } : null;
}
