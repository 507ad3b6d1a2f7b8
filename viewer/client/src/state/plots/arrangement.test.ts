import { expect, test } from 'vitest';
import { AS_GIVEN, inOrder, moved, runsOf, shownPlaces } from './arrangement';

const ARRANGED = { order: ['c', 'gone', 'a'], hidden: new Set(['a']) };

test('names follow the order of the user, new ones the order given', () => {
  expect(inOrder(['a', 'b', 'c', 'd'], ARRANGED)).toEqual(['c', 'a', 'b', 'd']);
  expect(inOrder(['a', 'b'], AS_GIVEN)).toEqual(['a', 'b']);
});

test('hidden names have no place', () => {
  expect(shownPlaces(['a', 'b', 'c', 'd'], ARRANGED)).toEqual([2, 1, 3]);
});

test('an item is moved to either side and not beyond the ends', () => {
  expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
  expect(moved(['a', 'b', 'c'], 2, 1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b', 'c'], 0, -1)).toEqual(['a', 'b', 'c']);
});

test('neighbours of one group make a run, and a gene moved away makes two', () => {
  const groups = [
    { name: 'B', names: ['x', 'y'] },
    { name: 'T', names: ['z', 'y'] },
  ];
  expect(runsOf(['x', 'y', 'z'], groups)).toEqual([
    { name: 'B', from: 0, to: 2 },
    { name: 'T', from: 2, to: 3 },
  ]);
  expect(runsOf(['x', 'z', 'other', 'y'], groups).map(({ name, from }) => [name, from])).toEqual([
    ['B', 0],
    ['T', 1],
    ['B', 3],
  ]);
});
