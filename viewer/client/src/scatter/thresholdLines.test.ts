import { expect, test } from 'vitest';
import { shareOf } from './thresholdLines';

test('a threshold is drawn where it is within the values', () => {
  const axis = { title: 'LYZ', ends: [0, 4] as const, isDate: false };
  expect([0, 1, 4].map((value) => shareOf(axis, value))).toEqual([0, 0.25, 1]);
  expect([-0.1, 4.1, Number.NaN].map((value) => shareOf(axis, value))).toEqual([null, null, null]);
  expect(shareOf({ ...axis, ends: [2, 2] }, 2)).toBeNull();
});
