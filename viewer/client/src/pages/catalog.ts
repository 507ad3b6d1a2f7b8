/** The datasets of a catalog: requests to the server, and the search in the list. */
import type { Catalog, CatalogDataset } from '../api/contract';
import { ApiError, errorOf } from '../api/error';

/** Fetch JSON; the URL is relative to the page. */
export async function ask<T>(address: string, signal: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, { headers: { Accept: 'application/json' }, cache: 'no-store', signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(
      'unreachable',
      'The server cannot be reached.',
      'Check the connection. The request is repeated automatically.',
    );
  }
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

export type FacetName = 'organism' | 'tissue' | 'cells' | 'genes' | 'size' | 'state';

export interface Search {
  readonly text: string;
  readonly chosen: Readonly<Partial<Record<FacetName, readonly string[]>>>;
}

export const EMPTY_SEARCH: Search = { text: '', chosen: {} };

/** A facet of the datasets. */
interface Facet {
  readonly name: FacetName;
  readonly title: string;
  readonly of: (dataset: CatalogDataset) => readonly string[];
  /** The order of the values; by default by number of datasets. */
  readonly order?: readonly string[];
}

interface Step {
  readonly upTo: number;
  readonly name: string;
}

const THOUSANDS: readonly Step[] = [
  { upTo: 1e3, name: 'below 1,000' },
  { upTo: 1e4, name: '1,000 to 10,000' },
  { upTo: 1e5, name: '10,000 to 100,000' },
  { upTo: 1e6, name: '100,000 to 1 million' },
  { upTo: Number.POSITIVE_INFINITY, name: 'a million or more' },
];
const GENES: readonly Step[] = [
  { upTo: 1e3, name: 'below 1,000' },
  { upTo: 1e4, name: '1,000 to 10,000' },
  { upTo: 3e4, name: '10,000 to 30,000' },
  { upTo: Number.POSITIVE_INFINITY, name: '30,000 or more' },
];
const BYTES: readonly Step[] = [
  { upTo: 1e7, name: 'below 10 MB' },
  { upTo: 1e8, name: '10 to 100 MB' },
  { upTo: 1e9, name: '100 MB to 1 GB' },
  { upTo: 1e10, name: '1 to 10 GB' },
  { upTo: Number.POSITIVE_INFINITY, name: '10 GB or more' },
];

function step(value: number | null, steps: readonly Step[]): readonly string[] {
  const found = value === null ? undefined : steps.find(({ upTo }) => value < upTo);
  return found ? [found.name] : [];
}

const names = (steps: readonly Step[]) => steps.map(({ name }) => name);

export const FACETS: readonly Facet[] = [
  { name: 'organism', title: 'Organism', of: ({ organism }) => organism },
  { name: 'tissue', title: 'Tissue', of: ({ tissue }) => tissue },
  { name: 'cells', title: 'Cells', of: ({ n_obs }) => step(n_obs, THOUSANDS), order: names(THOUSANDS) },
  { name: 'genes', title: 'Genes', of: ({ n_vars }) => step(n_vars, GENES), order: names(GENES) },
  { name: 'size', title: 'Size of the file', of: ({ size }) => step(size, BYTES), order: names(BYTES) },
  {
    name: 'state',
    title: 'State',
    of: ({ state }) => [state === 'error' ? 'cannot be shown' : 'can be opened'],
    order: ['can be opened', 'cannot be shown'],
  },
];

/** Return the text of a dataset that is searched. */
export function wordsOf(dataset: CatalogDataset): string {
  const plain = dataset.description.replace(/<[^>]*>/g, ' ');
  return [dataset.title, dataset.place, ...dataset.organism, ...dataset.tissue, plain].join(' ').toLowerCase();
}

function isFound(
  dataset: CatalogDataset,
  words: readonly string[],
  chosen: Search['chosen'],
  but?: FacetName,
): boolean {
  for (const { name, of } of FACETS) {
    const values = name === but ? undefined : chosen[name];
    if (values?.length && !of(dataset).some((value) => values.includes(value))) return false;
  }
  if (words.length === 0) return true;
  const text = wordsOf(dataset);
  return words.every((word) => text.includes(word));
}

function split(text: string): readonly string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

/** Return the datasets that contain every word and have one of the chosen values of each facet. */
export function find(datasets: readonly CatalogDataset[], search: Search): readonly CatalogDataset[] {
  const words = split(search.text);
  return datasets.filter((dataset) => isFound(dataset, words, search.chosen));
}

export interface FacetCount {
  readonly name: FacetName;
  readonly title: string;
  readonly values: readonly { readonly value: string; readonly n: number; readonly isChosen: boolean }[];
}

/** Return the values of each facet that differs between datasets, with the number of datasets each would leave. */
export function facets(datasets: readonly CatalogDataset[], search: Search): readonly FacetCount[] {
  const words = split(search.text);
  const found: FacetCount[] = [];
  for (const { name, title, of, order } of FACETS) {
    const chosen = search.chosen[name] ?? [];
    const counts = new Map<string, number>();
    for (const dataset of datasets) {
      const counted = isFound(dataset, words, search.chosen, name) ? 1 : 0;
      for (const value of of(dataset)) counts.set(value, (counts.get(value) ?? 0) + counted);
    }
    const all = [...counts].sort(([a, n], [b, m]) =>
      order ? order.indexOf(a) - order.indexOf(b) : m - n || a.localeCompare(b),
    );
    const values = all.map(([value, n]) => ({ value, n, isChosen: chosen.includes(value) }));
    if (values.length > (order ? 1 : 0) || chosen.length > 0) found.push({ name, title, values });
  }
  return found;
}

/** Choose a value of a facet, or remove it from the chosen ones. */
export function toggled(search: Search, facet: FacetName, value: string): Search {
  const { [facet]: before = [], ...others } = search.chosen;
  const after = before.includes(value) ? before.filter((other) => other !== value) : [...before, value];
  return { ...search, chosen: after.length > 0 ? { ...others, [facet]: after } : others };
}

export const ORDERS = {
  title: 'Name',
  cells: 'Most cells',
  modified: 'Newest',
  size: 'Largest file',
} as const;
export type Order = keyof typeof ORDERS;

/** Sort datasets; equal ones by name. */
export function ordered(datasets: readonly CatalogDataset[], order: Order): readonly CatalogDataset[] {
  const value = (dataset: CatalogDataset): number => {
    if (order === 'title') return 0;
    return { cells: dataset.n_obs, modified: dataset.modified, size: dataset.size }[order] ?? -1;
  };
  const named = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
  return [...datasets].sort((a, b) => value(b) - value(a) || named.compare(a.title, b.title));
}

/** Return a search as the part of the URL after #. */
export function toHash({ text, chosen }: Search, order: Order): string {
  const query = new URLSearchParams();
  if (text) query.set('q', text);
  for (const { name } of FACETS) for (const value of chosen[name] ?? []) query.append(name, value);
  if (order !== 'title') query.set('order', order);
  return query.toString();
}

/** Read a search from a URL; unknown parts are ignored. */
export function fromHash(hash: string): { readonly search: Search; readonly order: Order } {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const chosen: Partial<Record<FacetName, readonly string[]>> = {};
  for (const { name } of FACETS) {
    const values = query.getAll(name);
    if (values.length > 0) chosen[name] = values;
  }
  const order = query.get('order') ?? '';
  return {
    search: { text: query.get('q') ?? '', chosen },
    order: Object.hasOwn(ORDERS, order) ? (order as Order) : 'title',
  };
}

/** Return whether datasets are still being found, opened or indexed. */
export function isChanging({ complete, datasets }: Catalog): boolean {
  return !complete || datasets.some(({ state }) => state === 'waiting' || state === 'opening' || state === 'indexing');
}
