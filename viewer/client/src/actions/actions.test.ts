import { expect, test, vi } from 'vitest';

vi.hoisted(() => {
  // The preferences read the theme of the browser when they are imported.
  vi.stubGlobal('window', { matchMedia: () => ({ matches: false, addEventListener: () => undefined }) });
});

import { actions } from './actions';

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
