/** Sizes, times and shapes as text. */

const integers = new Intl.NumberFormat(typeof window === 'undefined' ? 'en-US' : navigator.language);

/** Format a count: 12,345. */
export function count(n: number): string {
  return integers.format(n);
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Format the size of a file: 512 B, 8.1 MB, 340 MB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Format a past time: just now, 5 minutes ago, 3 hours ago, 2 days ago. */
export function ago(then: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - then.getTime()) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return some(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? some(hours, 'hour') : some(Math.floor(hours / 24), 'day');
}

function some(n: number, unit: string): string {
  return `${count(n)} ${unit}${n === 1 ? '' : 's'} ago`;
}

/** Parse the numbers of cells and genes from Galaxy's peek of an h5ad; undefined if they are unknown. */
export function shapeIn(peek: string): { cells: number; genes: number } | undefined {
  const [, cells, genes] = /^\[n_obs x n_vars\]\s+(\d+) x (\d+)/.exec(peek) ?? [];
  const shape = { cells: Number(cells), genes: Number(genes) };
  // Galaxy writes -1, 0 or 1 for an unknown number
  return shape.cells > 1 && shape.genes > 0 ? shape : undefined;
}
