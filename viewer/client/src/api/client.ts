import { COLUMNS_TYPE, type Column, type Columns, decodeColumns } from '../wire/columns';
import { csvLine } from '../wire/csv';
import { bytesOf, type OnProgress } from './bytes';
import { Cache } from './cache';
import type { CellNames, FoundCells } from './contract';
import { ApiError } from './error';
import type { Transport } from './transport';
import type {
  ByCategoryRequest,
  ByCategoryResult,
  Cell,
  CellMatch,
  CompositionRequest,
  CompositionResult,
  DesignOfSamples,
  DesignRequest,
  DiffexpRequest,
  DiffexpResult,
  Gene,
  GeneMatches,
  GenesNamed,
  Health,
  Job,
  JobAnswer,
  MarkersRequest,
  MarkersResult,
  PseudobulkRequest,
  PseudobulkTable,
  SampleColumns,
  Schema,
  Selection,
  Spread,
  Summary,
} from './types';

/** The size of the cache of columns in bytes. */
const CACHE_BYTES = 192 * 1024 * 1024;

/** The number of gene names in one URL, whose length is limited. */
const NAMES_AT_ONCE = 300;
/** The number of genes of a score that are named in its address, and the length of the address. */
const MOST_IN_ADDRESS = 200;
const LONGEST_ADDRESS = 4000;

export type Query = Readonly<Record<string, string | number | readonly string[]>>;

/** Return the path of a request with its query. */
export function pathOf(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) => [value].flat().map((each) => [key, String(each)]));
  const text = new URLSearchParams(pairs).toString();
  return text ? `${path}?${text}` : path;
}

/** The client of the HTTP interface. Its transport fetches the answers. */
export class Api {
  private readonly columns = new Cache<Columns>(CACHE_BYTES);
  /** Jobs of this page that may still be running. */
  private readonly jobs = new Set<string>();

  constructor(readonly transport: Transport) {}

  async health(signal?: AbortSignal): Promise<Health> {
    const response = await this.transport.fetch(pathOf('health'), { cache: 'no-store', ...(signal ? { signal } : {}) });
    const body = (await response.json().catch(() => null)) as Health | null;
    if (body?.app !== 'starcyte') {
      throw new ApiError(
        'not_starcyte',
        'Another program answers at this address, not starcyte.',
        'The viewer may have stopped, or a proxy may have answered in its place. Start the viewer again.',
      );
    }
    return body;
  }

  schema(): Promise<Schema> {
    return this.json<Schema>(pathOf('schema'));
  }

  /**
   * Fetch the coordinates of the cells; `dims` are the columns, by default the first two. Coarse ones are rounded for a
   * first picture.
   */
  embedding(name: string, dims?: string, coarse = false, onProgress?: OnProgress): Promise<Columns> {
    const query = { ...(dims === undefined ? {} : { dims }), ...(coarse ? { precision: 'coarse' } : {}) };
    return this.cached(pathOf(`embeddings/${encodeURIComponent(name)}`, query), undefined, onProgress);
  }

  async obs(column: string): Promise<Column> {
    return first(await this.cached(pathOf(`obs/${encodeURIComponent(column)}`)));
  }

  async expression(gene: string, matrix: string, signal: AbortSignal): Promise<Column> {
    return first(await this.cached(pathOf('expression', { gene, matrix }), signal));
  }

  /** Fetch the mean or the score of several genes for each cell. More than an address can name are sent in a body. */
  async score(
    genes: readonly string[],
    method: 'mean' | 'score',
    matrix: string,
    signal: AbortSignal,
  ): Promise<Column> {
    const path = pathOf('score', { genes: csvLine(genes), method, matrix });
    if (genes.length <= MOST_IN_ADDRESS && path.length <= LONGEST_ADDRESS)
      return first(await this.cached(path, signal));
    const response = await this.transport.fetch(pathOf('score'), {
      method: 'POST',
      headers: { Accept: COLUMNS_TYPE, 'Content-Type': 'application/json' },
      body: JSON.stringify({ genes, method, matrix }),
      signal,
    });
    return first(decodeColumns(await response.arrayBuffer()));
  }

  /** A row of a matrix of cells by cells: the values of one cell with all cells. */
  async obspRow(name: string, cell: number): Promise<Column> {
    return first(await this.cached(pathOf(`obsp/${encodeURIComponent(name)}`, { cell })));
  }

  image(name: string): Promise<Blob> {
    return this.blob(pathOf(`images/${encodeURIComponent(name)}`), 'default');
  }

  async cellName(row: number): Promise<string | null> {
    const { names } = await this.json<CellNames>(pathOf('cells', { rows: row }));
    return names[0] ?? null;
  }

  /** A cell with its values in all columns of obs. */
  cell(row: number): Promise<Cell> {
    return this.json<Cell>(pathOf(`cells/${row}`));
  }

  /** Cells whose names contain a text. */
  cellsWith(text: string, limit: number, signal: AbortSignal): Promise<FoundCells> {
    return this.json<FoundCells>(pathOf('cells/search', { q: text, limit }), { signal });
  }

  /** The cells of a list of names. */
  matchCells(names: readonly string[], signal: AbortSignal): Promise<CellMatch> {
    return this.json<CellMatch>(pathOf('cells/match'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ names }),
      signal,
    });
  }

  genes(query: string, matrix: string, limit: number, signal: AbortSignal): Promise<GeneMatches> {
    return this.json<GeneMatches>(pathOf('genes', { q: query, limit, matrix }), { signal });
  }

  /** Find genes by their names, ids or aliases; case is ignored. */
  async genesNamed(names: readonly string[], matrix: string, signal: AbortSignal): Promise<GenesNamed> {
    const genes: Gene[] = [];
    const missing: string[] = [];
    for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
      const part = csvLine(names.slice(from, from + NAMES_AT_ONCE));
      const found = await this.json<GenesNamed>(pathOf('genes', { names: part, matrix }), { signal });
      genes.push(...found.genes);
      missing.push(...found.missing);
    }
    return { genes, missing };
  }

  /** Fetch the names of the cells in a selection as a CSV file of one column, or their table of obs. */
  async cellsNamed(selection: Selection, what: 'names' | 'table' = 'names'): Promise<Blob> {
    const response = await this.transport.fetch(pathOf(`cells/${what}`), {
      method: 'POST',
      headers: { Accept: 'text/csv', 'Content-Type': 'application/json' },
      body: JSON.stringify({ selection }),
    });
    return response.blob();
  }

  /** Mean and fraction expressing of genes in groups; of the cells of a selection only (within). */
  summary(
    genes: readonly string[],
    groupBy: string,
    matrix: string,
    signal: AbortSignal,
    within: Selection | null = null,
  ): Promise<Summary> {
    return this.within('summary', { genes: csvLine(genes), group_by: groupBy, matrix }, within, signal);
  }

  /** How a gene of a matrix, or a column (matrix null), spreads. */
  spread(
    name: string,
    matrix: string | null,
    groupBy: string,
    splitBy: string | null,
    signal: AbortSignal,
    within: Selection | null = null,
  ): Promise<Spread> {
    const what = matrix === null ? { column: name } : { gene: name, matrix };
    const split = splitBy === null ? {} : { split_by: splitBy };
    return this.within('distribution', { ...what, group_by: groupBy, ...split }, within, signal);
  }

  /** Ask a question about all cells, or by POST about those of a selection. */
  within<T>(path: string, query: Query, within: Selection | null, signal: AbortSignal): Promise<T> {
    if (within === null) return this.json<T>(pathOf(path, query), { signal });
    const headers = { 'Content-Type': 'application/json' };
    return this.json<T>(path, { method: 'POST', headers, body: JSON.stringify({ ...query, within }), signal });
  }

  /** The columns of obs that look like samples. */
  samples(signal: AbortSignal): Promise<SampleColumns> {
    return this.json<SampleColumns>(pathOf('samples'), { signal });
  }

  /** The samples of a comparison, and whether they allow it. */
  design(body: DesignRequest, signal: AbortSignal): Promise<DesignOfSamples> {
    return this.json<DesignOfSamples>(pathOf('design'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  }

  diffexp(body: DiffexpRequest, giveUp: AbortSignal): Promise<JobAnswer<DiffexpResult>> {
    return this.start('diffexp', body, giveUp);
  }

  /** The same comparison over samples within each category of a column. */
  byCategory(body: ByCategoryRequest, giveUp: AbortSignal): Promise<JobAnswer<ByCategoryResult>> {
    return this.start('diffexp/each', body, giveUp);
  }

  pseudobulk(body: PseudobulkRequest, giveUp: AbortSignal): Promise<JobAnswer<PseudobulkTable>> {
    return this.start('pseudobulk', body, giveUp);
  }

  composition(body: CompositionRequest, signal: AbortSignal): Promise<CompositionResult> {
    const headers = { 'Content-Type': 'application/json' };
    return this.json<CompositionResult>('composition', { method: 'POST', headers, body: JSON.stringify(body), signal });
  }

  /** The whole table of a job as CSV. */
  async jobCsv(id: string, table: 'genes' | 'samples' = 'genes'): Promise<Blob> {
    const path = pathOf(`jobs/${encodeURIComponent(id)}`, { table });
    return (await this.transport.fetch(path, { headers: { Accept: 'text/csv' } })).blob();
  }

  markers(body: MarkersRequest, giveUp: AbortSignal): Promise<JobAnswer<MarkersResult>> {
    return this.start('markers', body, giveUp);
  }

  /** How a job is, with (a part of) its result where it is done. */
  async job<T>(id: string, offset: number, limit: number, signal: AbortSignal): Promise<JobAnswer<T>> {
    const answer = await this.json<{ job: Job; result?: T }>(
      pathOf(`jobs/${encodeURIComponent(id)}`, { offset, limit }),
      {
        signal,
      },
    );
    if (answer.job.state !== 'queued' && answer.job.state !== 'running') this.jobs.delete(id);
    return { job: answer.job, result: answer.result ?? null };
  }

  /** The result of a job as a CSV file. */
  async jobTable(id: string, table: 'genes' | 'samples' | 'long', signal: AbortSignal): Promise<Blob> {
    const path = pathOf(`jobs/${encodeURIComponent(id)}`, { table });
    const response = await this.transport.fetch(path, { headers: { Accept: 'text/csv' }, signal });
    return response.blob();
  }

  async cancelJob(id: string): Promise<void> {
    this.jobs.delete(id);
    await this.transport.fetch(pathOf(`jobs/${encodeURIComponent(id)}`), { method: 'DELETE', keepalive: true });
  }

  /** Cancel the jobs when the page is closed. */
  leave(): void {
    for (const id of this.jobs) void this.cancelJob(id).catch(() => {});
  }

  /** Start a job. If it is given up meanwhile, it is cancelled once the answer with its id is there. */
  async start<T extends { readonly job_id?: string }>(
    path: string,
    body: object,
    giveUp: AbortSignal,
  ): Promise<JobAnswer<T>> {
    const answer = await this.json<T | { job: Job }>(
      path,
      { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
      giveUp,
    );
    if (!('job' in answer)) return { job: null, result: answer };
    this.jobs.add(answer.job.id);
    if (giveUp.aborted) {
      await this.cancelJob(answer.job.id);
      giveUp.throwIfAborted();
    }
    return { job: answer.job, result: null };
  }

  /** Send a request whose answer is JSON. */
  async json<T>(path: string, init: RequestInit = {}, giveUp = init.signal): Promise<T> {
    const headers = { Accept: 'application/json', ...init.headers };
    const response = await this.transport.fetch(path, { ...init, headers }, giveUp);
    return (await response.json().catch(() => {
      // A page of a proxy, such as a login, has the status 200.
      throw new ApiError('not_starcyte', 'Another program answers at this address, not starcyte.', 'Reload the page.');
    })) as T;
  }

  /** Fetch a file. */
  async blob(path: string, cache: RequestCache = 'no-store'): Promise<Blob> {
    return (await this.transport.fetch(path, { cache })).blob();
  }

  /** Fetch a column that may have changed, without the cache. */
  async column(path: string): Promise<Column> {
    const response = await this.transport.fetch(path, { headers: { Accept: COLUMNS_TYPE }, cache: 'no-store' });
    return first(decodeColumns(await response.arrayBuffer()));
  }

  private cached(path: string, signal?: AbortSignal, onProgress?: OnProgress): Promise<Columns> {
    return this.columns.get(path, async () => {
      const response = await this.transport.fetch(path, {
        headers: { Accept: COLUMNS_TYPE },
        ...(signal ? { signal } : {}),
      });
      const body = await (onProgress ? bytesOf(response, onProgress) : response.arrayBuffer());
      return { value: decodeColumns(body), weight: body.byteLength };
    });
  }
}

function first(answer: Columns): Column {
  const column = answer.columns[0];
  if (!column) throw new ApiError('empty_answer', 'The answer of the server has no column.', 'Reload the page.');
  return column;
}
