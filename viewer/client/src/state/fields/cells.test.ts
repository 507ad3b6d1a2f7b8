import { expect, test } from 'vitest';
import type { View } from '../view/view';
import { CellStore, cellsOf, combined, selectionOf } from './cells';

test('cells of a mask', () => {
  expect([...cellsOf(Uint8Array.of(0, 1, 1, 0), 4)]).toEqual([1, 2]);
  expect([...cellsOf(null, 3)]).toEqual([0, 1, 2]);
});

test('lists are joined, subtracted and intersected in order', () => {
  const first = Uint32Array.of(1, 5, 9);
  const second = Uint32Array.of(2, 5, 11);
  expect([...combined(first, second, 'add', 12)]).toEqual([1, 2, 5, 9, 11]);
  expect([...combined(first, second, 'subtract', 12)]).toEqual([1, 9]);
  expect([...combined(first, second, 'intersect', 12)]).toEqual([5]);
});

test('a request has the shorter form of a list', () => {
  expect(selectionOf(Uint32Array.of(3, 4, 5, 6, 9))).toEqual({
    ranges: [
      [3, 7],
      [9, 10],
    ],
  });
  expect(selectionOf(Uint32Array.of(1, 3, 5))).toEqual({ indices: [1, 3, 5] });
});

test('lists that no view refers to are deleted', () => {
  const store = new CellStore();
  const used = store.add(Uint32Array.of(1));
  const lost = store.add(Uint32Array.of(2));
  store.keepOnly([{ lasso: null, setA: used, setB: 'rest', subset: null } as unknown as View]);
  expect([...store.get(used)]).toEqual([1]);
  expect(() => store.get(lost)).toThrow(RangeError);
});
