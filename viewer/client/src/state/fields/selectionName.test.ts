import { expect, test } from 'vitest';
import type { FieldFilter } from '../view/fieldFilter';
import type { View } from '../view/view';
import type { FieldData } from './field';
import { isByHand, selectionName } from './selectionName';

const TYPES = {
  kind: 'category',
  title: 'type',
  categories: ['B', 'T', 'NK', 'DC'],
  hasMissing: true,
} as unknown as FieldData;
const FIELDS = new Map([
  ['obs:type', TYPES],
  ['obs:age', { kind: 'range', title: 'age' } as FieldData],
]);

function name(filters: Record<string, FieldFilter>, lasso: View['lasso'] = null): string {
  return selectionName({ filters, lasso } as View, FIELDS);
}

test('a selection is named after its filters', () => {
  expect(name({})).toBe('All cells');
  expect(name({}, { id: 1, n: 4 })).toBe('Lasso');
  expect(name({ 'obs:type': { kind: 'category', mode: 'only', codes: [1] } })).toBe('T');
  expect(name({ 'obs:type': { kind: 'category', mode: 'except', codes: [0] } })).toBe('T, NK and 2 more');
  expect(name({ 'obs:type': { kind: 'category', mode: 'only', codes: [-1] } })).toBe('Missing');
  expect(name({ 'obs:age': { kind: 'range', min: 1, max: 2 } })).toBe('Range of age');
  expect(
    name({ 'obs:age': { kind: 'range', min: 1, max: 2 }, 'obs:type': { kind: 'category', mode: 'only', codes: [1] } }),
  ).toBe('Selected cells');
});

test('cells of categories are not chosen by hand', () => {
  const range = name({ 'obs:age': { kind: 'range', min: 1, max: 2 } });
  expect([undefined, name({}, { id: 1, n: 4 }), range].every(isByHand)).toBe(true);
  expect(isByHand(name({ 'obs:type': { kind: 'category', mode: 'only', codes: [1] } }))).toBe(false);
});
