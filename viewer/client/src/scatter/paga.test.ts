import { expect, test } from 'vitest';
import { whole } from '../canvas/steps';
import { NO_OVERLAYS, readOverlays, savedOverlays } from '../state/view/overlays';
import { medianSteps } from './paga';

test('nodes are at the medians of the drawn cells of each category', () => {
  const x = Float32Array.of(1, 2, 9, Number.NaN, 5, 4);
  const y = Float32Array.of(0, 8, 4, 1, 3, 3);
  const values = Int8Array.of(0, 0, 0, 0, 2, -1);
  const nodes = whole(medianSteps({ x, y }, { values, categories: ['a', 'b', 'c'] }));
  expect(nodes).toEqual([{ x: 2, y: 4, n: 3 }, null, { x: 5, y: 3, n: 1 }]);
  const even = { x: Float32Array.of(7, 1, 3, 8, 4, 2), y: Float32Array.of(1, 1, 1, 2, 2, 2) };
  // numpy.median([7, 1, 3, 8, 4, 2]) is 3.5
  expect(whole(medianSteps(even, { values: new Uint8Array(6), categories: ['a'] }))).toEqual([
    { x: 3.5, y: 1.5, n: 6 },
  ]);
});

test('overlays are in links where they are on, and hostile links switch none on', () => {
  expect(savedOverlays(NO_OVERLAYS)).toBeNull();
  const on = { paga: 0, velocity: 35 };
  expect(readOverlays(JSON.parse(JSON.stringify(savedOverlays(on))))).toEqual(on);
  expect(readOverlays({ paga: 2, velocity: 1e9 })).toEqual(NO_OVERLAYS);
  expect(readOverlays({ paga: '<b>', velocity: 35.5 })).toEqual(NO_OVERLAYS);
});
