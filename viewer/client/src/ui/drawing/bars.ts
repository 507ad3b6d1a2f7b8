/** Shapes of a histogram. */

/**
 * The count that reaches the top. One bar far above all others (the zeros of a gene) runs out of the picture rather
 * than flattening the rest.
 */
export function tallest(counts: Uint32Array): number {
  let first = 0;
  let second = 0;
  for (const n of counts) {
    if (n > first) {
      second = first;
      first = n;
    } else if (n > second) second = n;
  }
  return Math.max(1, second > 0 && first > 4 * second ? second * 1.6 : first);
}

/** One path of all bars, standing on the lower edge. A count above none is at least one pixel high. */
export function bars(counts: Uint32Array, width: number, height: number, top: number): string {
  const step = width / counts.length;
  const gap = step > 4 ? 1 : 0;
  let path = '';
  counts.forEach((n, k) => {
    if (n === 0) return;
    const tall = Math.max(1, Math.min(height, (n / top) * height));
    path += `M${(k * step).toFixed(2)} ${height}v${(-tall).toFixed(2)}h${(step - gap).toFixed(2)}v${tall.toFixed(2)}z`;
  });
  return path;
}
