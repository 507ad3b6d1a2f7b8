import { afterEach, expect, test, vi } from 'vitest';
import { HttpTransport } from './http';

afterEach(() => vi.restoreAllMocks());

/** A browser that has loaded files: bytes, milliseconds, and whether they came from its cache. */
function loaded(...files: readonly [bytes: number, time: number, cached?: boolean][]): void {
  vi.spyOn(performance, 'getEntriesByType').mockReturnValue(
    files.map(
      ([encodedBodySize, time, cached = false]) =>
        ({
          ...{ encodedBodySize, transferSize: cached ? 0 : encodedBodySize },
          ...{ responseStart: 100, responseEnd: 100 + time },
        }) as unknown as PerformanceEntry,
    ),
  );
}

test('a line is slow by the time that the newest large file took', () => {
  const transport = new HttpTransport();
  loaded();
  expect(transport.isSlow).toBe(false);
  loaded([150_000, 1200]);
  expect(transport.isSlow).toBe(true);
  loaded([150_000, 4]);
  expect(transport.isSlow).toBe(false);
  // small files, and those of the cache, say nothing
  loaded([150_000, 4], [500, 900], [400_000, 900, true]);
  expect(transport.isSlow).toBe(false);
});
