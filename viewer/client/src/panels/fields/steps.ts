/** Codes of values in a few steps, for the parts of a bar. */

const STEPS = 16;

export interface Steps {
  /** The step of each cell, from low to high; -1 is missing. */
  readonly values: Int8Array;
  readonly size: number;
  /** The code of the colour of each step. */
  readonly shown: readonly number[];
}

/** Return the steps of codes from `quantise`; zeros of expression values are a step of their own. */
export function stepsOf(codes: Uint8Array, zero: boolean): Steps {
  const first = zero ? 2 : 1;
  const extra = zero ? 1 : 0;
  const width = (256 - first) / STEPS;
  const steps = Int8Array.from({ length: 256 }, (_, code) => {
    if (code < first) return code === 0 ? -1 : 0;
    return extra + Math.min(STEPS - 1, Math.floor((code - first) / width));
  });
  const shown = Array.from({ length: STEPS }, (_, step) => Math.round(first + (step + 0.5) * width));
  // A loop is some 50 times as fast as an iterator here.
  const values = new Int8Array(codes.length);
  for (let cell = 0; cell < codes.length; cell++) values[cell] = steps[codes[cell] as number] as number;
  return {
    values,
    size: STEPS + extra,
    shown: zero ? [1, ...shown] : shown,
  };
}
