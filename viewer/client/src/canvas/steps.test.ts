import { describe, expect, it, vi } from 'vitest';
import { boundsOf } from './camera';
import { buildGrid, gridSteps } from './grid';
import { AT_ONCE, inSteps, whole } from './steps';

function* counting(to: number, seen: number[]): Generator<undefined, string> {
  for (let k = 0; k < to; k++) {
    seen.push(k);
    yield;
  }
  return 'made';
}

describe('steps', () => {
  it('are gone through at once', () => {
    const seen: number[] = [];
    expect(whole(counting(3, seen))).toBe('made');
    expect(seen).toEqual([0, 1, 2]);
  });

  it('are tasks of their own until they are stopped', async () => {
    vi.useFakeTimers();
    try {
      const seen: number[] = [];
      const done = vi.fn();
      const stop = inSteps(counting(5, seen), done);
      expect(seen).toEqual([]);
      vi.advanceTimersToNextTimer();
      vi.advanceTimersToNextTimer();
      expect(seen).toEqual([0, 1]);
      stop();
      vi.runAllTimers();
      expect(seen).toEqual([0, 1]);
      expect(done).not.toHaveBeenCalled();
      inSteps(counting(2, []), done);
      vi.runAllTimers();
      expect(done).toHaveBeenCalledExactlyOnceWith('made');
    } finally {
      vi.useRealTimers();
    }
  });

  it('of an index of many cells make the same as one', () => {
    const n = 2 * AT_ONCE + 7;
    const x = Float32Array.from({ length: n }, (_, k) => (k * 7919) % 1009);
    const y = Float32Array.from({ length: n }, (_, k) => (k % 50_021 === 0 ? Number.NaN : (k * 104_729) % 997));
    const steps = gridSteps(x, y, boundsOf(x, y));
    let count = 1;
    let step = steps.next();
    for (; !step.done; step = steps.next()) count++;
    expect(count).toBeGreaterThan(2 * Math.floor(n / AT_ONCE));
    const grid = buildGrid(x, y);
    for (const cell of [1, AT_ONCE - 1, AT_ONCE, n - 1]) {
      const at = [x[cell] as number, y[cell] as number] as const;
      const found = step.value.nearest(...at, 0.1, () => true);
      expect([x[found], y[found]]).toEqual(at);
      expect(found).toBe(grid.nearest(...at, 0.1, () => true));
    }
  });
});
