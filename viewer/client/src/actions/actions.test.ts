import { expect, test, vi } from 'vitest';

vi.hoisted(() => {
  // The preferences ask the browser for its theme as soon as they are imported.
  vi.stubGlobal('window', { matchMedia: () => ({ matches: false, addEventListener: () => undefined }) });
});

import { actions } from './actions';

test('names are told apart, and each action has a label', () => {
  const names = actions.map((action) => action.name);
  expect(new Set(names).size).toBe(names.length);
  expect(actions.filter((action) => action.label.trim() === '')).toEqual([]);
});

test('a key means one thing, but for the one that takes a label away where there is one', () => {
  const keys = actions.flatMap((action) => action.shortcut ?? []);
  const twice = keys.filter((key, place) => keys.indexOf(key) !== place);
  expect(twice).toEqual(['0']);
  const [first] = actions.filter((action) => action.shortcut === '0');
  expect(first?.name).toBe('unlabel');
});
