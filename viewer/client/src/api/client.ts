import { COLUMNS_TYPE, type Column, type Columns, decodeColumns } from '../wire/columns';
import { csvLine } from '../wire/csv';
import { Cache } from './cache';
import { ApiError, errorOf, isAbort } from './error';
import { pause } from './pause';
import type {
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
  Schema,
  Selection,
  Spread,
  Summary,
} from './types';

/** Bytes of columns kept for a second look. */
const CACHE_BYTES = 192 * 1024 * 1024;

/** Milliseconds between two looks for a server that is away. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

/** Seconds to wait where a busy server does not say how long. */
const RETRY = 2;

/** Names of genes in one address, which must not become too long. */
const NAMES_AT_ONCE = 300;

export type Query = Record<string, string | number>;

/** The relative address of a request. */
export function address(path: string, query: Query = {}): string {
  const text = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
  return text ? `api/v1/${path}?${text}` : `api/v1/${path}`;
}

/** The one typed client of the HTTP interface. Addresses are relative: the page works below any prefix. */
export class Api {
  /** Told what a server says that has too much to do, and null once it answers again. */
  onBusy: (busy: ApiError | null) => void = () => {};
  /** Told whether no server answers any more; what was asked is then asked again. */
  onLost: (lost: boolean) => void = () => {};
  /** Told that the file of the dataset was changed, or is gone: what the page shows is over. */
  onOver: (error: ApiError) => void = () => {};
  /** The state of the file that the page shows: the server refuses to answer from another. */
  revision: string | null = null;
  /** Whether to wait for a server that is away: while the page opens, others decide how long. */
  patient = false;
  private readonly columns = new Cache<Columns>(CACHE_BYTES);
  /** Jobs of this page that may still be at work. */
  private readonly jobs = new Set<string>();
  /** This load of the page, so that the server can share its work out between users. */
  private readonly page = randomName();

  async health(signal?: AbortSignal): Promise<Health> {
    const response = await this.fetch(address('health'), { cache: 'no-store', ...(signal ? { signal } : {}) });
    const body = (await response.json().catch(() => null)) as Health | null;
    if (body?.app !== 'starcyte') {
      throw new ApiError(
        'not_starcyte',
        'What answers at this address is not starcyte.',
        'The viewer may have ended, or a proxy in front of it shows a page of its own. Start the viewer again.',
      );
    }
    return body;
  }

  schema(): Promise<Schema> {
    return this.json<Schema>(address('schema'));
  }

  /** Coordinates of the cells; `dims` are the numbers of the columns, by default the first two. */
  embedding(name: string, dims?: string): Promise<Columns> {
    return this.cached(address(`embeddings/${encodeURIComponent(name)}`, dims === undefined ? {} : { dims }));
  }

  async obs(column: string): Promise<Column> {
    return first(await this.cached(address(`obs/${encodeURIComponent(column)}`)));
  }

  async expression(gene: string, matrix: string, signal: AbortSignal): Promise<Column> {
    return first(await this.cached(address('expression', { gene, matrix }), signal));
  }

  /** Of each cell, the mean or the score of several genes. */
  async score(
    genes: readonly string[],
    method: 'mean' | 'score',
    matrix: string,
    signal: AbortSignal,
  ): Promise<Column> {
    return first(await this.cached(address('score', { genes: csvLine(genes), method, matrix }), signal));
  }

  /** What a cell is to all others. */
  async pairs(name: string, cell: number): Promise<Column> {
    return first(await this.cached(address(`obsp/${encodeURIComponent(name)}`, { cell })));
  }

  imageAddress(name: string): string {
    return address(`images/${encodeURIComponent(name)}`);
  }

  async cellName(row: number): Promise<string | null> {
    const { names } = await this.json<{ names: readonly string[] }>(address('cells', { rows: row }));
    return names[0] ?? null;
  }

  genes(query: string, matrix: string, limit: number, signal: AbortSignal): Promise<GeneMatches> {
    return this.json<GeneMatches>(address('genes', { q: query, limit, matrix }), { signal });
  }

  /** Genes by their whole names, ids or aliases, in whatever case. */
  async genesNamed(names: readonly string[], matrix: string, signal: AbortSignal): Promise<GenesNamed> {
    const genes: Gene[] = [];
    const missing: string[] = [];
    for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
      const part = csvLine(names.slice(from, from + NAMES_AT_ONCE));
      const found = await this.json<GenesNamed>(address('genes', { names: part, matrix }), { signal });
      genes.push(...found.genes);
      missing.push(...found.missing);
    }
    return { genes, missing };
  }

  /** The names of a selection's cells, as a table of one column. */
  async cellsNamed(selection: Selection, signal?: AbortSignal): Promise<Blob> {
    const response = await this.fetch(address('cells/names'), {
      method: 'POST',
      headers: { Accept: 'text/csv', 'Content-Type': 'application/json' },
      body: JSON.stringify({ selection }),
      ...(signal ? { signal } : {}),
    });
    return response.blob();
  }

  summary(genes: readonly string[], groupBy: string, matrix: string, signal: AbortSignal): Promise<Summary> {
    return this.json<Summary>(address('summary', { genes: csvLine(genes), group_by: groupBy, matrix }), { signal });
  }

  /** How a gene of a matrix, or a column (matrix null), spreads. */
  spread(
    name: string,
    matrix: string | null,
    groupBy: string,
    splitBy: string | null,
    signal: AbortSignal,
  ): Promise<Spread> {
    const what = matrix === null ? { column: name } : { gene: name, matrix };
    const split = splitBy === null ? {} : { split_by: splitBy };
    return this.json<Spread>(address('distribution', { ...what, group_by: groupBy, ...split }), { signal });
  }

  diffexp(body: DiffexpRequest, giveUp: AbortSignal): Promise<JobAnswer<DiffexpResult>> {
    return this.start('diffexp', body, giveUp);
  }

  markers(body: MarkersRequest, giveUp: AbortSignal): Promise<JobAnswer<MarkersResult>> {
    return this.start('markers', body, giveUp);
  }

  /** How a job is, with (a part of) its result where it is done. */
  async job<T>(id: string, offset: number, limit: number, signal: AbortSignal): Promise<JobAnswer<T>> {
    const answer = await this.json<{ job: Job; result?: T }>(
      address(`jobs/${encodeURIComponent(id)}`, { offset, limit }),
      {
        signal,
      },
    );
    if (answer.job.state !== 'queued' && answer.job.state !== 'running') this.jobs.delete(id);
    return { job: answer.job, result: answer.result ?? null };
  }

  async cancelJob(id: string): Promise<void> {
    this.jobs.delete(id);
    await this.fetch(address(`jobs/${encodeURIComponent(id)}`), { method: 'DELETE', keepalive: true });
  }

  /** The page goes away: nobody waits for its jobs any more. */
  leave(): void {
    for (const id of this.jobs) void this.cancelJob(id).catch(() => {});
  }

  /** Ask for a job. Given up, the question still goes through: only its answer tells which job to cancel. */
  async start<T extends { readonly job_id?: string }>(
    path: string,
    body: object,
    giveUp: AbortSignal,
  ): Promise<JobAnswer<T>> {
    const answer = await this.json<T | { job: Job }>(
      address(path),
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

  /** Ask for JSON. */
  async json<T>(url: string, init: RequestInit = {}, giveUp = init.signal): Promise<T> {
    const headers = { Accept: 'application/json', ...init.headers };
    const response = await this.fetch(url, { ...init, headers }, giveUp);
    return (await response.json().catch(() => {
      // A proxy's page (a log-in, say) comes with the status of a success.
      throw new ApiError('not_starcyte', 'What answers at this address is not starcyte.', 'Reload the page.');
    })) as T;
  }

  /** A file as it is. */
  async blob(url: string): Promise<Blob> {
    return (await this.fetch(url, { cache: 'no-store' })).blob();
  }

  /** A column that changes: asked for anew each time. */
  async column(url: string): Promise<Column> {
    const response = await this.fetch(url, { headers: { Accept: COLUMNS_TYPE }, cache: 'no-store' });
    return first(decodeColumns(await response.arrayBuffer()));
  }

  private cached(url: string, signal?: AbortSignal): Promise<Columns> {
    return this.columns.get(url, async () => {
      const response = await this.fetch(url, { headers: { Accept: COLUMNS_TYPE }, ...(signal ? { signal } : {}) });
      const body = await response.arrayBuffer();
      return { value: decodeColumns(body), weight: body.byteLength };
    });
  }

  /**
   * Ask, and ask again while the server has too much to do, until the user gives up. A question that changes nothing is
   * asked again as well while no server is there, once the page is open.
   */
  private async fetch(url: string, init: RequestInit, giveUp = init.signal): Promise<Response> {
    const headers = {
      ...init.headers,
      'X-Starcyte-Client': this.page,
      ...(this.revision ? { 'X-Starcyte-Revision': this.revision } : {}),
    };
    const patient = this.patient && (init.method ?? 'GET') === 'GET';
    let wait = FIRST_WAIT;
    while (true) {
      const answer = await this.send(url, { ...init, headers }).catch((error: unknown) => {
        if (patient && error instanceof ApiError) return error;
        throw error;
      });
      const error = answer instanceof ApiError ? answer : answer.ok ? null : await errorOf(answer);
      if (patient && error && isAway(error)) {
        this.onLost(true);
        await pause(wait, giveUp);
        wait = Math.min(2 * wait, LONGEST_WAIT);
        continue;
      }
      if (patient) this.onLost(false);
      if (error?.code === 'dataset_changed') this.onOver(error);
      if (error?.code === 'dataset_loading' && this.revision) {
        // A catalogue has closed the dataset meanwhile, and opens it again.
        await pause(wait, giveUp);
        wait = Math.min(2 * wait, LONGEST_WAIT);
        continue;
      }
      if (answer instanceof ApiError) throw answer;
      if (!error) return answer;
      if (answer.status !== 429) throw error;
      this.onBusy(error);
      const seconds = Number(answer.headers.get('Retry-After')) || RETRY;
      try {
        await pause(1000 * seconds, giveUp);
      } finally {
        this.onBusy(null);
      }
    }
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(
        'unreachable',
        'The viewer’s server cannot be reached.',
        'It may have been stopped, or the connection was lost. Check it and reload the page.',
      );
    }
  }
}

/** Whether nobody of ours was there to answer: no connection, or a proxy that finds no server behind it. */
function isAway({ code }: ApiError): boolean {
  return code === 'unreachable' || code === 'http_502' || code === 'http_503' || code === 'http_504';
}

/** A name nobody can guess. `randomUUID` is there on secure pages only. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function first(answer: Columns): Column {
  const column = answer.columns[0];
  if (!column) throw new ApiError('empty_answer', 'The server answered without a column.', 'Reload the page.');
  return column;
}
