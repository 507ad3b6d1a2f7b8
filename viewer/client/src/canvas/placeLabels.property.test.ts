import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distance, leftOut, NEAR, placeLabels, REACH } from './placeLabels';

const HEIGHT = 17;

/** Clusters of any size in a plot of any size, some of them next to each other. */
const situation = fc
  .record({ width: fc.integer({ min: 120, max: 900 }), height: fc.integer({ min: 120, max: 700 }) })
  .chain((plot) =>
    fc.record({
      plot: fc.constant(plot),
      top: fc.integer({ min: 0, max: 50 }),
      bottom: fc.integer({ min: 0, max: 46 }),
      labels: fc.array(
        fc.record({
          x: fc.double({ min: -20, max: plot.width + 20, noNaN: true }),
          y: fc.double({ min: -20, max: plot.height + 20, noNaN: true }),
          width: fc.integer({ min: 14, max: 220 }),
          weight: fc.integer({ min: 1, max: 9 }),
        }),
        { maxLength: 40 },
      ),
    }),
  );

test('a name is drawn within reach of its cluster, with a line where it was moved, or not at all and listed', () => {
  fc.assert(
    fc.property(situation, ({ plot: { width, height }, top, bottom, labels: given }) => {
      const labels = given.map((label, code) => ({ ...label, code, height: HEIGHT }));
      const inSight = labels.filter(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height);
      const placed = placeLabels(labels, width, height, { top, bottom, exclusive: true });
      const boxes = placed.map(({ code, x, y }) => ({ x, y, width: labels[code]?.width ?? 0, height: HEIGHT }));
      for (const [k, { code, moved, line }] of placed.entries()) {
        const box = boxes[k] as (typeof boxes)[number];
        const own = labels[code] as (typeof labels)[number];
        const far = distance(box, own);
        expect(far).toBeLessThanOrEqual(REACH * HEIGHT);
        // the line begins at the label and ends at the cluster
        expect(moved).toBe(far > NEAR);
        expect(line.slice(2)).toEqual([own.x, own.y]);
        expect(Math.hypot(line[0] - own.x, line[1] - own.y)).toBeCloseTo(far);
        // no other cluster is nearer to the name of this one
        if (moved) for (const other of inSight) if (other !== own) expect(distance(box, other)).toBeGreaterThan(far);
        expect(box.x - box.width / 2).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width / 2).toBeLessThanOrEqual(width);
        expect(box.y - HEIGHT / 2).toBeGreaterThanOrEqual(top);
        expect(box.y + HEIGHT / 2).toBeLessThanOrEqual(height - bottom);
        for (const other of boxes.slice(0, k)) {
          const apart =
            Math.abs(other.x - box.x) >= (other.width + box.width) / 2 || Math.abs(other.y - box.y) >= HEIGHT;
          expect(apart).toBe(true);
        }
      }
      const left = leftOut(inSight, placed);
      expect([...left, ...placed.map(({ code }) => code)].sort((a, b) => a - b)).toEqual(
        inSight.map(({ code }) => code).sort((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

test('a lone name is on its cluster wherever that is, or below what covers it', () => {
  const label = { code: 0, width: 120, height: HEIGHT, weight: 1 };
  for (const [x, y] of [
    [0, 0],
    [5, 3],
    [299, 199],
    [150, 100],
  ] as const) {
    expect(placeLabels([{ ...label, x, y }], 300, 200, { exclusive: true })).toMatchObject([{ moved: false }]);
  }
  const below = placeLabels([{ ...label, x: 150, y: 30 }], 300, 200, { top: 50, exclusive: true });
  expect(below).toMatchObject([{ moved: true, line: [150, 52, 150, 30] }]);
  expect(placeLabels([{ ...label, x: 150, y: 2 }], 300, 200, { top: 50 })).toEqual([]);
});
