/** Sizes and times as people say them. */

import { count } from '../src/ui/format';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A file's size: 512 B, 8.1 MB, 340 MB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** How long ago something was: just now, 5 minutes ago, 3 hours ago, 2 days ago. */
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

/** The numbers of cells and genes in what Galaxy shows of an h5ad; undefined where it could not tell. */
export function shapeIn(peek: string): { cells: number; genes: number } | undefined {
  const [, cells, genes] = /^\[n_obs x n_vars\]\s+(\d+) x (\d+)/.exec(peek) ?? [];
  const shape = { cells: Number(cells), genes: Number(genes) };
  // where it cannot tell, Galaxy writes -1, 0 or 1
  return shape.cells > 1 && shape.genes > 0 ? shape : undefined;
}
