import { expect, test, vi } from 'vitest';

vi.hoisted(() => {
  // The preferences read the theme of the browser when they are imported.
  vi.stubGlobal('window', { matchMedia: () => ({ matches: false, addEventListener: () => undefined }) });
});

import type { Session } from '../state/session';
import { actions, performShortcut } from './actions';

test('names are unique, and each action has a label', () => {
  const names = actions.map((action) => action.name);
  expect(new Set(names).size).toBe(names.length);
  expect(actions.filter((action) => action.label.trim() === '')).toEqual([]);
});

test('a key has one action, but for 0, which unlabels a selection or resets the view', () => {
  const keys = actions.flatMap((action) => action.shortcut ?? []);
  const twice = keys.filter((key, place) => keys.indexOf(key) !== place);
  expect(twice).toEqual(['0']);
  const [first] = actions.filter((action) => action.shortcut === '0');
  expect(first?.name).toBe('unlabel');
});

test('the keys of plus and minus zoom with and without Shift, also beside the plot', () => {
  vi.stubGlobal('HTMLElement', class {});
  const zoomBy = vi.fn();
  const session = { page: { scatter: { zoomBy } }, viewer: { view: { embedding: 'X_umap' } } } as unknown as Session;
  const press = (key: string, more: object = {}) =>
    performShortcut(
      { key, target: null, ctrlKey: false, metaKey: false, ...more } as unknown as KeyboardEvent,
      session,
    );
  for (const key of ['+', '=', '-', '_']) expect(press(key)).toBe(true);
  expect(zoomBy.mock.calls.map(([factor]) => (factor as number) > 1)).toEqual([true, true, false, false]);
  expect(press('=', { ctrlKey: true })).toBe(false);
});
