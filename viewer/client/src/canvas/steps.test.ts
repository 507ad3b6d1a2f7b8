import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { boundsOf } from './camera';
import { buildGrid, gridSteps } from './grid';
import { AT_ONCE, inPieces, inSteps, stepwise, whole } from './steps';

/** Counts, and takes five milliseconds for each number. */
function* counting(to: number, seen: number[]): Generator<undefined, string> {
  for (let k = 0; k < to; k++) {
    seen.push(k);
    clock += 5;
    yield;
  }
  return 'made';
}

let clock = 0;
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('steps', () => {
  it('are gone through at once', () => {
    const seen: number[] = [];
    expect(whole(counting(3, seen))).toBe('made');
    expect(seen).toEqual([0, 1, 2]);
  });

  it('are taken in turns, each a task of its own, until they are stopped', () => {
    const seen: number[] = [];
    const done = vi.fn();
    const stop = inSteps(counting(7, seen), done);
    expect(seen).toEqual([]);
    vi.advanceTimersToNextTimer();
    expect(seen).toEqual([0, 1]);
    vi.advanceTimersToNextTimer();
    expect(seen).toEqual([0, 1, 2, 3]);
    stop();
    vi.runAllTimers();
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(done).not.toHaveBeenCalled();
    inSteps(counting(2, []), done);
    vi.runAllTimers();
    expect(done).toHaveBeenCalledExactlyOnceWith('made');
  });

  it('are awaited, the first turn of them taken at once', async () => {
    const seen: number[] = [];
    const made = stepwise(counting(3, seen));
    expect(seen).toEqual([0, 1]);
    await vi.runAllTimersAsync();
    expect(await made).toBe('made');
    expect(seen).toEqual([0, 1, 2]);
  });

  it('tell who awaits them what goes wrong', async () => {
    function* wrong(): Generator<undefined, never> {
      yield;
      throw new RangeError('too many categories');
    }
    await expect(stepwise(wrong())).rejects.toThrow('too many categories');
  });

  it('of pieces come to each cell once', () => {
    for (const n of [0, 1, AT_ONCE, 2 * AT_ONCE + 1]) {
      const pieces: [number, number][] = [];
      whole(inPieces(n, (from, to) => pieces.push([from, to])));
      expect(pieces.map(([from]) => from)).toEqual(pieces.map((_, k) => k * AT_ONCE));
      expect(pieces.map(([, to]) => to)).toEqual(pieces.map((_, k) => Math.min(n, (k + 1) * AT_ONCE)));
      expect(pieces.length).toBe(Math.ceil(n / AT_ONCE));
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
