import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitView, project } from '../canvas/camera';
import { viewOfAll } from '../state/viewer/pane.svelte';
import { axesAt, BESIDE_AXES } from './axes';

test('a plot of two fields has its lowest values, zeros among them, within its axes', () => {
  const side = fc.integer({ min: 240, max: 2400 });
  fc.assert(
    fc.property(side, side, fc.boolean(), fc.boolean(), (width, height, constantX, constantY) => {
      const size = { width, height };
      const box = { x0: 0, y0: 0, x1: constantX ? 0 : 1, y1: constantY ? 0 : 1 };
      const look = viewOfAll({ fitted: fitView(box, size, 24), size }, BESIDE_AXES);
      const lowest = project(look, size, 0, 0);
      const { left, bottom } = axesAt([lowest[0], lowest[1]], width, height);
      expect(lowest[0]).toBeGreaterThan(left);
      expect(lowest[1]).toBeLessThan(bottom);
    }),
  );
});
