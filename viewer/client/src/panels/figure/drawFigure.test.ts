import { expect, test } from 'vitest';
import { sharedDomain } from './drawFigure';

test('panels share the colour scale from the lowest to the highest end', () => {
  expect(sharedDomain([[0, 2], null, [1, 5], [Number.NaN, Number.NaN]])).toEqual([0, 5]);
  expect(sharedDomain([[0, 2], undefined])).toBeNull();
});
