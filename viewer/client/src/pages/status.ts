/** The status of a server, for its administrators. */

import type { OpenDataset } from '../api/contract';

/** Describe the state of an open dataset. */
export function doing({ state, downloaded, indexing }: OpenDataset): string {
  if (downloaded !== null) return `downloading ${Math.floor(100 * downloaded)} %`;
  return indexing === null ? state : `indexing ${Math.round(100 * indexing)} %`;
}

/** Format a duration in its largest two units: 3 d 4 h. */
export function span(seconds: number): string {
  const units = [
    { name: 'd', size: 86_400 },
    { name: 'h', size: 3600 },
    { name: 'min', size: 60 },
    { name: 's', size: 1 },
  ];
  const first = units.findIndex(({ size }) => seconds >= size);
  if (first < 0) return '0 s';
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const { name, size } of units.slice(first, first + 2)) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n} ${name}`);
  }
  return parts.join(' ');
}
