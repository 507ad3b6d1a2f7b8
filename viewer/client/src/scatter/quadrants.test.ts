import { expect, test } from 'vitest';
import { cellsIn, countsOf, extentOf, quadrantsOf } from './quadrants';

const of = (...values: number[]) => ({ values: Float32Array.from(values), missing: null });

test('a value at its threshold is not above it, and a missing value is in no quadrant', () => {
  const a = of(0, 1, 0, 1, Number.NaN, 2);
  const b = { ...of(0, 0, 3, 3, 1, 1), missing: Uint8Array.of(0, 0, 0, 0, 0, 1) };
  const quadrants = quadrantsOf(a, b, [0, 0]);
  expect([...quadrants]).toEqual([0, 1, 2, 3, 255, 255]);
  expect(countsOf(quadrants, null)).toEqual([1, 1, 1, 1]);
  expect(countsOf(quadrantsOf(a, b, [1, 0]), null)).toEqual([2, 0, 2, 0]);
});

test('the extent leaves out missing values', () => {
  expect(extentOf({ values: Float32Array.of(-9, 1, 2, Number.NaN), missing: Uint8Array.of(1, 0, 0, 0) })).toEqual([
    1, 2,
  ]);
  expect(extentOf(of(Number.NaN))).toEqual([0, 0]);
});

test('counts and cells are of a mask', () => {
  const quadrants = Uint8Array.of(3, 3, 0, 255);
  const mask = Uint8Array.of(1, 0, 1, 1);
  expect(countsOf(quadrants, mask)).toEqual([1, 0, 0, 1]);
  expect([...cellsIn(quadrants, 3, mask)]).toEqual([0]);
  expect([...cellsIn(quadrants, 3, null)]).toEqual([0, 1]);
});
