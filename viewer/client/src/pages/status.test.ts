import { expect, test } from 'vitest';
import { doing, span } from './status';

const open = { id: 'a', title: 'A', state: 'ready', downloaded: null, indexing: null };

test('the state of a dataset is described', () => {
  expect(doing(open)).toBe('ready');
  expect(doing({ ...open, downloaded: 0.378 })).toBe('downloading 37 %');
  expect(doing({ ...open, indexing: 0.378 })).toBe('indexing 38 %');
});

test('a duration has two units at most', () => {
  expect(span(0)).toBe('0 s');
  expect(span(3 * 86_400 + 4 * 3600 + 5)).toBe('3 d 4 h');
  expect(span(61)).toBe('1 min 1 s');
});
