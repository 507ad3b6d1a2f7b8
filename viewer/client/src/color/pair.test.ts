import { expect, test } from 'vitest';
import { pairCodes, pairLut } from './pair';

const LEVELS = [1, 60, 128, 200, 255];

test('pairs of levels have colours of their own, and missing of either is missing', () => {
  const a = Uint8Array.from(LEVELS.flatMap((code) => LEVELS.map(() => code)));
  const b = Uint8Array.from(LEVELS.flatMap(() => LEVELS));
  const codes = pairCodes(a, b);
  expect(new Set(codes).size).toBe(25);
  expect([...pairCodes(Uint8Array.of(0, 9, 0), Uint8Array.of(9, 0, 0))]).toEqual([0, 0, 0]);
  const { rgba } = pairLut('light');
  const color = (one: number, other: number) => {
    const [code = 0] = pairCodes(Uint8Array.of(one), Uint8Array.of(other));
    return [...rgba.subarray(4 * code, 4 * code + 3)];
  };
  const [blue, orange, both] = [color(255, 1), color(1, 255), color(255, 255)] as [number[], number[], number[]];
  expect(blue[2]).toBeGreaterThan(blue[0] as number);
  expect(orange[0]).toBeGreaterThan(orange[2] as number);
  expect(Math.max(...both)).toBeLessThan(100);
});

test('what is high in either lies on top', () => {
  const [low = 0, one = 0, both = 0] = pairCodes(Uint8Array.of(60, 255, 255), Uint8Array.of(60, 1, 255));
  expect(low).toBeLessThan(one);
  expect(one).toBeLessThan(both);
});
