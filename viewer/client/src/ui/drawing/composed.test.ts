import { expect, test } from 'vitest';
import { legendShift } from './arrangedDrawing';
import { GAP, headOf, letterOf, placed, rowsOf, widthOf } from './composed';

const STYLE = { font: 'Helvetica', points: 6, letters: 'lower', titles: true } as const;

function panel(span: number, width: number, height: number, own: number | null = null) {
  return { span, height: own, size: { width, height } };
}

test('panels go from row to row, and one that does not fit begins the next', () => {
  expect(rowsOf([1, 1, 2, 1, 2], 2)).toEqual([[0, 1], [2], [3], [4]]);
  expect(rowsOf([3, 1], 2)).toEqual([[0], [1]]);
  expect(widthOf(1, 2, 210)).toBe(100);
  expect(widthOf(5, 2, 210)).toBe(210);
});

test('letters go on after z', () => {
  expect([0, 25, 26].map((k) => letterOf(k, 'lower'))).toEqual(['a', 'z', 'aa']);
  expect(letterOf(2, 'upper')).toBe('C');
  expect(letterOf(2, 'none')).toBe('');
});

test('text has its size, and only what is too wide or too high is made smaller', () => {
  const head = headOf(STYLE);
  // Text of 12 pixels has 6 points: a pixel is half a point.
  const { places, height } = placed([panel(1, 200, 100), panel(1, 400, 300), panel(2, 100, 80, 60)], 2, 210, STYLE);
  expect(places.map(({ scale }) => scale)).toEqual([0.5, 0.25, 0.5]);
  expect(places.map(({ x }) => x)).toEqual([0, 100 + GAP, 0]);
  const first = head + 300 * 0.25;
  expect(places[2]?.y).toBe(first + GAP);
  expect(height).toBe(first + GAP + 60);
  const [low] = placed([panel(1, 100, 1000, 50)], 2, 210, STYLE).places;
  expect(low?.scale).toBeCloseTo((50 - head) / 1000);
});

test('a legend is moved beside its plot, or below it where there is no room', () => {
  const content = { x0: 10, y0: 5, x1: 110, y1: 105 };
  const below = { x0: 10, y0: 120, x1: 60, y1: 150 };
  expect(legendShift(content, below, 'below', 500)).toEqual([0, 0]);
  expect(legendShift(content, below, 'right', 500)).toEqual([116, -115]);
  expect(legendShift(content, below, 'right', 120)).toEqual([0, 0]);
  const right = { x0: 120, y0: 5, x1: 170, y1: 35 };
  expect(legendShift(content, right, 'right', 500)).toEqual([0, 0]);
  expect(legendShift(content, right, 'right', 120)).toEqual([-110, 116]);
});
