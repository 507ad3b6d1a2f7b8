import { expect, test } from 'vitest';
import { Cache } from './cache';
import { LatestRequest } from './latestRequest';

test('only the latest task is answered', async () => {
  const latest = new LatestRequest();
  const signals: AbortSignal[] = [];
  const slow = latest.run(async (signal) => {
    signals.push(signal);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return 'slow';
  });
  const quick = latest.run(async () => 'quick');
  expect(await Promise.all([slow, quick])).toEqual([undefined, 'quick']);
  expect(signals[0]?.aborted).toBe(true);
  await expect(latest.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
});

test('the cache removes the least recently used answers and keeps no failure', async () => {
  const cache = new Cache<string>(10);
  const made: string[] = [];
  const get = (key: string) =>
    cache.get(key, async () => {
      made.push(key);
      return { value: key, weight: 4 };
    });
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await get(key);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
  await expect(cache.get('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await cache.get('x', async () => ({ value: 'yes', weight: 1 }))).toBe('yes');
});
