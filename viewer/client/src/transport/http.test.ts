import { afterEach, expect, test, vi } from 'vitest';
import { Api } from '../api/client';
import { ApiError, asApiError } from '../api/error';
import { HttpTransport } from './http';

afterEach(() => vi.unstubAllGlobals());

function answering(body: unknown, init: ResponseInit = {}): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), init));
  });
  return asked;
}

test('addresses are relative and their names escaped', async () => {
  const asked = answering({ n: 0, total: 0, genes: [] });
  await new Api(new HttpTransport()).genes('a&b', 'raw/X', 5, new AbortController().signal);
  expect(asked).toEqual(['api/v1/genes?q=a%26b&limit=5&matrix=raw%2FX']);
});

test('errors keep their code, message and hint', async () => {
  answering({ error: { code: 'unknown_gene', message: 'No such gene.', hint: 'Search it.' } }, { status: 404 });
  const error = await new Api(new HttpTransport()).schema().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'unknown_gene', message: 'No such gene.', hint: 'Search it.', status: 404 });
});

test('an answer of another program is an error', async () => {
  answering('<h1>Bad gateway</h1>', { status: 502, statusText: 'Bad Gateway' });
  await expect(new Api(new HttpTransport()).schema()).rejects.toMatchObject({ code: 'http_502', status: 502 });
  answering('Proxy target missing');
  await expect(new Api(new HttpTransport()).health()).rejects.toMatchObject({ code: 'not_starcyte' });
  answering({ app: 'something else', state: 'ready' });
  await expect(new Api(new HttpTransport()).health()).rejects.toBeInstanceOf(ApiError);
});

test('a lost connection is an error with a hint', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(new Api(new HttpTransport()).schema()).rejects.toMatchObject({ code: 'unreachable' });
  expect(asApiError('odd')).toMatchObject({ code: 'client', message: 'odd' });
});

test('an open page repeats requests until the server is back, and reports that it is unreachable', async () => {
  vi.useFakeTimers();
  const lost: boolean[] = [];
  let asked = 0;
  vi.stubGlobal('fetch', () => {
    asked++;
    if (asked === 1) return Promise.reject(new TypeError('Failed to fetch'));
    if (asked === 2) return Promise.resolve(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    return Promise.resolve(new Response('{"n_obs": 3}'));
  });
  const api = new Api(new HttpTransport());
  api.transport.patient = true;
  api.transport.onLost = (now) => lost.push(now);
  const answer = api.schema();
  await vi.advanceTimersByTimeAsync(2000);
  expect(await answer).toEqual({ n_obs: 3 });
  expect(lost).toEqual([true, true, false]);
  vi.useRealTimers();
});

test('every request has the id of the page, and is repeated while the server is busy', async () => {
  const names: (string | undefined)[] = [];
  const answers = [
    new Response(JSON.stringify({ error: { code: 'busy', message: 'Many ask.', hint: '' } }), {
      status: 429,
      headers: { 'Retry-After': '0.01' },
    }),
    new Response(JSON.stringify({ title: 'cells' })),
  ];
  vi.stubGlobal('fetch', (_url: string, init: RequestInit) => {
    names.push(new Headers(init.headers).get('X-Starcyte-Client') ?? undefined);
    return Promise.resolve(answers.shift());
  });
  const api = new Api(new HttpTransport());
  const busy: (string | null)[] = [];
  api.transport.onBusy = (error) => busy.push(error?.message ?? null);
  expect(await api.schema()).toEqual({ title: 'cells' });
  expect(busy).toEqual(['Many ask.', null]);
  expect(names[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(names[1]).toBe(names[0]);
});

test('a comparison that is given up before its job has an id is cancelled afterwards', async () => {
  const asked: string[] = [];
  const job = { id: '7', state: 'queued', progress: 0, message: '' };
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push(`${init.method} ${url}`);
    return Promise.resolve(new Response(JSON.stringify({ job }), { status: 202 }));
  });
  const giveUp = new AbortController();
  const body = { a: { indices: [1] }, b: 'rest', method: 't-test', matrix: 'X', limit: 1 } as const;
  const answer = new Api(new HttpTransport()).diffexp(body, giveUp.signal);
  giveUp.abort();
  await expect(answer).rejects.toThrow();
  expect(asked).toEqual(['POST api/v1/diffexp', 'DELETE api/v1/jobs/7']);
});
