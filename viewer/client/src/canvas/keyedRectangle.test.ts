import { expect, test } from 'vitest';
import { cornersOf, inTheMiddle, keyed, type Rectangle } from './keyedRectangle';

const PLOT = { width: 800, height: 400 };

test('the first rectangle is in the middle', () => {
  expect(inTheMiddle(PLOT)).toEqual({ x: 300, y: 150, width: 200, height: 100 });
});

test('arrows move it, and size it at its right and lower edge', () => {
  const first = inTheMiddle(PLOT);
  expect(keyed(first, 'ArrowLeft', false, PLOT)).toEqual({ ...first, x: 280 });
  expect(keyed(first, 'ArrowDown', false, PLOT)).toEqual({ ...first, y: 170 });
  expect(keyed(first, 'ArrowRight', true, PLOT)).toEqual({ ...first, width: 220 });
  expect(keyed(first, 'ArrowUp', true, PLOT)).toEqual({ ...first, height: 80 });
  expect(keyed(first, 'Enter', false, PLOT)).toBeNull();
});

test('it stays within the plot, and never vanishes', () => {
  let moved: Rectangle = inTheMiddle(PLOT);
  let small = moved;
  for (let k = 0; k < 100; k++) {
    moved = keyed(moved, 'ArrowRight', false, PLOT) ?? moved;
    small = keyed(small, 'ArrowLeft', true, PLOT) ?? small;
  }
  expect(moved.x).toBe(600);
  expect(keyed(moved, 'ArrowRight', true, PLOT)?.width).toBe(200);
  expect(small).toMatchObject({ x: 300, width: 20 });
  expect(cornersOf(small)).toEqual([300, 150, 320, 150, 320, 250, 300, 250]);
});
