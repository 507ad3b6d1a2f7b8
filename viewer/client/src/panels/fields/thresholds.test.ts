import { expect, test } from 'vitest';
import { roundStep, stepped } from './thresholds';

test('steps are round numbers', () => {
  expect([0.00022, 1, 9.9, 10, 41, 5e6].map(roundStep)).toEqual([0.0002, 1, 5, 10, 20, 5e6]);
  expect([0, Number.NaN, Number.POSITIVE_INFINITY, -1].map(roundStep)).toEqual([1, 1, 1, 1]);
});

test('a threshold goes to the next round number, and on from there', () => {
  expect(stepped(1041.3, 10, 1)).toBe(1050);
  expect(stepped(1041.3, 10, -1)).toBe(1040);
  expect(stepped(1050, 10, 1)).toBe(1060);
  expect(stepped(0.3, 0.1, -1)).toBe(0.2);
  expect(stepped(-5, 2, 10)).toBe(14);
});
