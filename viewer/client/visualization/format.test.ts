import { describe, expect, it } from 'vitest';
import recorded from './answers.json';
import { ago, shapeIn, size } from './format';
import { Galaxy } from './galaxy';
import { tabMemory } from './memory';
import { utc } from './overview';

describe('small things', () => {
  it('formats sizes and times', () => {
    expect([0, 999, 1772368, 999_900_000, 5e12].map(size)).toEqual(['0 B', '999 B', '1.8 MB', '1.0 GB', '5.0 TB']);
    const now = utc('2026-11-23T12:00:00.5');
    const then = ['2026-11-23T11:59:31', '2026-11-23T11:59:00', '2026-11-23T09:00:00', '2026-11-20T09:00:00'];
    expect(then.map((t) => ago(utc(t), now))).toEqual(['just now', '1 minute ago', '3 hours ago', '3 days ago']);
  });

  it('parses the numbers of cells and genes that Galaxy shows', () => {
    expect(shapeIn(recorded.dataset.body.peek)).toEqual({ cells: 700, genes: 765 });
    for (const peek of ['', '[n_obs x n_vars]\n    -1 x -1', '[n_obs x n_vars]\n    1 x 1', 'file does not exist']) {
      expect(shapeIn(peek)).toBeUndefined();
    }
  });

  it('converts addresses and paths below any root of Galaxy', () => {
    const galaxy = new Galaxy(
      '/galaxy',
      'https://example.org/galaxy/visualizations/display?a=1',
      async () => new Response(),
    );
    expect(galaxy.address('login/start')).toBe('https://example.org/galaxy/login/start');
    expect(galaxy.pathOf('https://example.org/galaxy/visualizations/display?a=1')).toBe('/visualizations/display?a=1');
    expect(galaxy.pathOf('https://elsewhere.org/galaxy/x')).toBe('');
  });

  it('stores a session, or nothing if the browser denies storage', () => {
    const stored = new Map<string, string>();
    const storage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => stored.set(key, value),
      removeItem: (key: string) => stored.delete(key),
    } as unknown as Storage;
    const memory = tabMemory(() => storage);
    memory.set('d', { job: 'j', target: 'http://t/' });
    expect([memory.get('d'), memory.get('e')]).toEqual([{ job: 'j', target: 'http://t/' }, null]);
    memory.forget('d');
    expect(memory.get('d')).toBeNull();
    const refused = tabMemory(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    refused.set('d', { job: 'j' });
    expect(refused.get('d')).toBeNull();
  });
});
