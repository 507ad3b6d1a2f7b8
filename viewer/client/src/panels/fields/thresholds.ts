/** Steps of thresholds by the arrow keys: to round numbers. */

/** Return the largest of 1, 2 and 5 times a power of ten that is no more than a width. */
export function roundStep(width: number): number {
  if (!(width > 0) || !Number.isFinite(width)) return 1;
  const power = 10 ** Math.floor(Math.log10(width));
  return Number((([5, 2].find((digit) => digit * power <= width) ?? 1) * power).toPrecision(6));
}

/** Return the value some steps on, at a multiple of the step: the first one goes to the next multiple. */
export function stepped(value: number, step: number, steps: number): number {
  const at = value / step;
  const from = steps > 0 ? Math.floor(at + 1e-9) : Math.ceil(at - 1e-9);
  return Number(((from + steps) * step).toPrecision(12));
}
