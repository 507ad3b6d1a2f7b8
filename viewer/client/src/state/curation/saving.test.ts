import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '../../api/error';
import { isTemporary, Saving, type Write } from './saving.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LOST = new ApiError('unreachable', 'The viewer’s server cannot be reached.');

function write(about: string, send: Write['send'], more: Partial<Write> = {}): Write {
  return {
    about,
    what: about,
    send,
    revert: () => Promise.resolve(),
    rebase: () => {},
    canRebase: () => true,
    ...more,
  };
}

async function soon(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

test('writes are sent one after the other, in their order', async () => {
  const saving = new Saving();
  const sent: string[] = [];
  let running = 0;
  for (const name of ['a', 'b', 'c']) {
    saving.add(
      write(name, async () => {
        expect(running++).toBe(0);
        await Promise.resolve();
        running--;
        sent.push(name);
      }),
    );
  }
  expect(saving.state).toBe('saving');
  await saving.drained();
  expect(sent).toEqual(['a', 'b', 'c']);
  expect([saving.state, saving.last]).toEqual(['saved', 'c']);
});

test('a lost connection is reported, and nothing is called saved before it is', async () => {
  const saving = new Saving();
  let up = false;
  const attempts: number[] = [];
  saving.add(
    write('a', (attempt) => {
      attempts.push(attempt);
      return up ? Promise.resolve() : Promise.reject(LOST);
    }),
  );
  await soon();
  expect([saving.state, saving.waiting, saving.last]).toEqual(['stuck', 1, null]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(attempts).toEqual([1, 2]);
  up = true;
  saving.retry();
  await soon();
  expect(attempts).toEqual([1, 2, 3]);
  expect([saving.state, saving.waiting, saving.last]).toEqual(['saved', 0, 'a']);
});

test('a refused write drops the later writes of the same item, and no others', async () => {
  const saving = new Saving();
  const sent: string[] = [];
  const reverted = vi.fn(() => Promise.resolve());
  saving.add(write('a', () => Promise.reject(new ApiError('limit', 'Too many.', '', 413)), { revert: reverted }));
  saving.add(write('a', () => Promise.resolve(void sent.push('a later'))));
  saving.add(write('b', () => Promise.resolve(void sent.push('b'))));
  await saving.drained();
  expect(sent).toEqual(['b']);
  expect(reverted).toHaveBeenCalledOnce();
  expect(saving.refusal).toMatchObject({ what: 'a', others: 1 });
});

test('a conflict waits for the user, who keeps one of the two versions', async () => {
  const conflict = () =>
    new ApiError('conflict', 'Changed.', '', 412, { current: { name: 'a', revision: 9 }, yours: {} });
  for (const choice of ['mine', 'theirs'] as const) {
    const saving = new Saving();
    let known = 1;
    const reverted = vi.fn(() => Promise.resolve());
    saving.add(
      write('a', () => (known === 9 ? Promise.resolve() : Promise.reject(conflict())), {
        revert: reverted,
        rebase: (current) => {
          known = (current as { revision: number }).revision;
        },
      }),
    );
    await soon();
    expect([saving.state, saving.conflict?.canOverwrite]).toEqual(['stuck', true]);
    saving.settle(choice);
    await saving.drained();
    expect([known, reverted.mock.calls.length]).toEqual(choice === 'mine' ? [9, 0] : [1, 1]);
    expect(saving.refusal).toBeNull();
  }
});

test('requests are repeated after temporary errors only', () => {
  const failure = (code: string, status: number) => isTemporary(new ApiError(code, '', '', status));
  expect([failure('unreachable', 0), failure('storage_full', 507), failure('http_404', 404)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([
    failure('not_found', 404),
    failure('limit', 413),
    failure('forbidden', 403),
    failure('http_413', 413),
  ]).toEqual([false, false, false, false]);
});
