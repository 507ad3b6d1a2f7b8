/** What a server says of itself to who administers it. */

export interface OpenDataset {
  readonly id: string;
  readonly title: string;
  readonly state: string;
  /** The fraction of it that has been downloaded, where it is shown meanwhile. */
  readonly downloaded: number | null;
  readonly indexing: number | null;
}

export interface Status {
  readonly version: string;
  readonly uptime: number;
  readonly memory: { readonly bytes: number; readonly limit: number };
  readonly files: { readonly n: number; readonly limit: number };
  readonly datasets: {
    readonly n: number;
    readonly n_open: number;
    readonly limit: number;
    readonly opened: number;
    readonly closed: number;
    readonly waiting: number;
    readonly open: readonly OpenDataset[];
    readonly broken: readonly {
      readonly id: string;
      readonly place: string;
      readonly error: { readonly message: string; readonly hint: string };
    }[];
  };
  readonly jobs: { readonly running: number; readonly queued: number; readonly limit: number };
  readonly users: readonly { readonly name: string; readonly address: string; readonly seconds: number }[];
  readonly requests: { readonly n: number; readonly refused: number; readonly failed: number };
  readonly notes: readonly string[];
}

/** What goes on with a dataset that is open. */
export function doing({ state, downloaded, indexing }: OpenDataset): string {
  if (downloaded !== null) return `downloading ${Math.floor(100 * downloaded)} %`;
  return indexing === null ? state : `indexing ${Math.round(100 * indexing)} %`;
}

/** A span of time in its largest two units: 3 d 4 h. */
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
