import { describe, expect, test } from 'vitest';
import { contours } from './density';

/** Normal numbers that are the same every time. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return (state + 1) / (2 ** 32 + 1);
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

describe('lines of equal density', () => {
  const next = normals(3);
  const n = 200_000;
  const x = Float32Array.from({ length: n }, () => 5 + next());
  const y = Float32Array.from({ length: n }, () => -2 + next());

  test('of a normal distribution are circles that hold their shares', () => {
    for (const { level, segments } of contours(x, y, null, [0.5, 0.9])) {
      const radius = Math.sqrt(-2 * Math.log(level));
      const distances: number[] = [];
      for (let k = 0; k < segments.length; k += 2) {
        distances.push(Math.hypot((segments[k] as number) - 5, (segments[k + 1] as number) + 2));
      }
      const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
      expect(Math.abs(mean / radius - 1)).toBeLessThan(0.04);
    }
  });

  test('close: every end meets another', () => {
    const [line] = contours(x, y, null, [0.5]);
    const ends = new Map<string, number>();
    const segments = line?.segments ?? [];
    for (let k = 0; k < segments.length; k += 2) {
      const key = `${(segments[k] as number).toFixed(4)} ${(segments[k + 1] as number).toFixed(4)}`;
      ends.set(key, (ends.get(key) ?? 0) + 1);
    }
    expect(ends.size).toBeGreaterThan(20);
    expect([...ends.values()].every((count) => count % 2 === 0)).toBe(true);
  });

  test('are of the cells a mask lets through, and there are none of no cells', () => {
    const right = Uint8Array.from(x, (value) => (value > 7 ? 1 : 0));
    const [line] = contours(x, y, right, [0.5]);
    expect(Math.min(...(line?.segments ?? []).filter((_, k) => k % 2 === 0))).toBeGreaterThan(6.7);
    expect(contours(x, y, new Uint8Array(n), [0.5])).toEqual([]);
    expect(contours(new Float32Array(0), new Float32Array(0), null, [0.5])).toEqual([]);
  });
});
