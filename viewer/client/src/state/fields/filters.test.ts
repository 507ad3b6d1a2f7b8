import { expect, test } from 'vitest';
import type { View } from '../view/view';
import type { FieldData } from './field';
import { filterChips, setChips } from './filters';

const VIEW = { filters: {}, lasso: null, setA: null, setB: 'rest' } as unknown as View;
const FIELDS = new Map<string, FieldData>([
  [
    'obs:type',
    {
      kind: 'category',
      key: 'obs:type',
      title: 'type',
      values: Int8Array.of(0),
      categories: ['T', 'B', 'NK', '', 'DC'],
      colors: null,
      hasMissing: true,
    },
  ],
]);

function text(mode: 'only' | 'except', codes: number[]): string | undefined {
  const filters = { 'obs:type': { kind: 'category', mode, codes } } as const;
  return filterChips({ ...VIEW, filters }, FIELDS)[0]?.text;
}

test('a filter of categories names few categories that pass or fail', () => {
  expect(text('only', [0, 2])).toBe('T, NK');
  expect(text('except', [-1, 3])).toBe('without (blank), Missing');
  expect(text('except', [0, 1, 2])).toBe('3 of 6');
  expect(text('only', [])).toBe('none');
});

test('a range is described also before its field is loaded, with the name from the key', () => {
  const filters = { 'gene:raw/X:CD3D': { kind: 'range', min: 0.5, max: 1200 } } as const;
  expect(filterChips({ ...VIEW, filters }, FIELDS)).toEqual([
    { key: 'gene:raw/X:CD3D', title: 'CD3D', text: '0.5 to 1,200' },
  ]);
});

test('lasso and sets have their sizes', () => {
  const view = { ...VIEW, lasso: { id: 1, n: 1 }, setA: { id: 2, n: 1234, name: 'T' }, setB: { id: 3, n: 2 } };
  expect(filterChips(view, FIELDS)).toEqual([{ key: 'lasso', title: 'Lasso', text: '1 cell' }]);
  expect(setChips(view).map((chip) => chip.text)).toEqual(['T, 1,234', '2 cells']);
});
