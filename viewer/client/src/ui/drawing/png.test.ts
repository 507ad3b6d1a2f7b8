import { expect, test } from 'vitest';
import { paperScale, pointsOfText } from './paper';
import { withResolution } from './png';

/** A PNG of one black pixel, as Pillow writes it. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

test('the resolution is the chunk that Pillow writes for 300 dots an inch', async () => {
  const bytes = Uint8Array.from(atob(PNG), (letter) => letter.charCodeAt(0));
  const made = new Uint8Array(await (await withResolution(new Blob([bytes]), 300)).arrayBuffer());
  expect(made.slice(0, 33)).toEqual(bytes.slice(0, 33));
  const chunk = [...made.slice(33, 54)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  expect(chunk).toBe('000000097048597300002e2300002e230178a53f76');
  expect(made.slice(54)).toEqual(bytes.slice(33));
});

test('a figure on two columns at 300 dots an inch has 2055 pixels', () => {
  expect(Math.round(1000 * paperScale(1000, 174, 300))).toBe(2055);
  expect(pointsOfText(1000, 174)).toBeCloseTo(5.92, 2);
});
