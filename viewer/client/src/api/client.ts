import { COLUMNS_TYPE, type Column, type Columns, decodeColumns } from '../wire/columns';
import { Cache } from './cache';
import { ApiError, errorOf, isAbort } from './error';
import type { DiffexpRequest, DiffexpResult, GeneMatches, Health, Job, JobAnswer, Schema } from './types';

/** Bytes of columns kept for a second look. */
const CACHE_BYTES = 192 * 1024 * 1024;

type Query = Record<string, string | number>;

function address(path: string, query: Query = {}): string {
  const text = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
  return text ? `api/v1/${path}?${text}` : `api/v1/${path}`;
}

/** The one typed client of the HTTP interface. Addresses are relative: the page works below any prefix. */
export class Api {
  private readonly columns = new Cache<Columns>(CACHE_BYTES);

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

  embedding(name: string): Promise<Columns> {
    return this.cached(address(`embeddings/${encodeURIComponent(name)}`));
  }

  async obs(column: string): Promise<Column> {
    return first(await this.cached(address(`obs/${encodeURIComponent(column)}`)));
  }

  async expression(gene: string, matrix: string): Promise<Column> {
    return first(await this.cached(address('expression', { gene, matrix })));
  }

  genes(query: string, matrix: string, limit: number, signal: AbortSignal): Promise<GeneMatches> {
    return this.json<GeneMatches>(address('genes', { q: query, limit, matrix }), { signal });
  }

  async diffexp(body: DiffexpRequest, signal: AbortSignal): Promise<JobAnswer> {
    const answer = await this.json<DiffexpResult | { job: Job }>(address('diffexp'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    return 'genes' in answer ? { job: null, result: answer } : { job: answer.job, result: null };
  }

  async job(id: string, offset: number, limit: number, signal: AbortSignal): Promise<JobAnswer> {
    const answer = await this.json<{ job: Job; result?: DiffexpResult }>(
      address(`jobs/${encodeURIComponent(id)}`, { offset, limit }),
      { signal },
    );
    return { job: answer.job, result: answer.result ?? null };
  }

  async cancelJob(id: string): Promise<void> {
    await this.fetch(address(`jobs/${encodeURIComponent(id)}`), { method: 'DELETE' });
  }

  /** The whole table of a finished job. */
  async jobCsv(id: string): Promise<Blob> {
    const response = await this.fetch(address(`jobs/${encodeURIComponent(id)}`), { headers: { Accept: 'text/csv' } });
    return response.blob();
  }

  private async json<T>(url: string, init: RequestInit = {}): Promise<T> {
    const response = await this.fetch(url, { ...init, headers: { Accept: 'application/json', ...init.headers } });
    return (await response.json()) as T;
  }

  private cached(url: string): Promise<Columns> {
    return this.columns.get(url, async () => {
      const response = await this.fetch(url, { headers: { Accept: COLUMNS_TYPE } });
      const body = await response.arrayBuffer();
      return { value: decodeColumns(body), weight: body.byteLength };
    });
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(
        'unreachable',
        'The viewer’s server cannot be reached.',
        'It may have been stopped, or the connection was lost. Check it and reload the page.',
      );
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }
}

function first(answer: Columns): Column {
  const column = answer.columns[0];
  if (!column) throw new ApiError('empty_answer', 'The server answered without a column.', 'Reload the page.');
  return column;
}
