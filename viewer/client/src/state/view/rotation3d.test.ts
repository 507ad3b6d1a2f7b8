import { expect, test } from 'vitest';
import { byDepth } from '../../canvas/webgl/order';
import { ballOf, FRONT, OBLIQUE, readRotation, rotated, rotatedBy, type Solid } from './rotation3d';

const random = (n: number, seed: number) => {
  let state = seed;
  return Float32Array.from({ length: n }, () => {
    state = (1103515245 * state + 12345) % 2147483648;
    return (state / 2147483648) * 20 - 7;
  });
};
const solid = { x: random(200, 1), y: random(200, 2), z: random(200, 3) };
const ball = ballOf(solid);
if (!ball) throw new Error('there are cells');

test('from the front the cells are where their first two columns say', () => {
  const seen = rotated(solid, ball, FRONT);
  for (const axis of ['x', 'y', 'z'] as const) {
    seen[axis].forEach((value, cell) => {
      expect(value).toBeCloseTo(solid[axis][cell] as number, 4);
    });
  }
});

test.each([OBLIQUE, rotatedBy(OBLIQUE, 2, -9), rotatedBy(FRONT, 7, 0.3)])(
  'a rotation %j changes no distance',
  (...rotation) => {
    const seen = rotated(solid, ball, rotation as never);
    const apart = (of: Solid, a: number, b: number) =>
      Math.hypot(
        (of.x[a] as number) - (of.x[b] as number),
        (of.y[a] as number) - (of.y[b] as number),
        (of.z[a] as number) - (of.z[b] as number),
      );
    for (let cell = 1; cell < 200; cell++)
      expect(apart(seen, cell, cell - 1)).toBeCloseTo(apart(solid, cell, cell - 1), 4);
    for (let cell = 0; cell < 200; cell++) {
      expect(Math.hypot((seen.x[cell] as number) - ball.x, (seen.y[cell] as number) - ball.y)).toBeLessThan(
        ball.radius + 1e-4,
      );
    }
  },
);

test('a quarter turn looks along the first column', () => {
  const seen = rotated(solid, ball, rotatedBy(FRONT, Math.PI / 2, 0));
  seen.x.forEach((value, cell) => {
    expect(value - ball.x).toBeCloseTo((solid.z[cell] as number) - ball.z, 4);
  });
});

test('cells without all three coordinates have no place, and no part in the ball', () => {
  const holes = { ...solid, z: solid.z.map((value, cell) => (cell === 5 ? Number.NaN : value)) };
  const seen = rotated(holes, ballOf(holes) ?? ball, OBLIQUE);
  expect(seen.y[5]).toBeNaN();
  expect(seen.y[6]).not.toBeNaN();
  expect(
    ballOf({ x: new Float32Array(2).fill(Number.NaN), y: new Float32Array(2), z: new Float32Array(2) }),
  ).toBeNull();
});

test('nobody sees the cells upside down', () => {
  expect(rotatedBy(FRONT, 0, 9)[1]).toBe(Math.PI / 2);
  expect(rotatedBy(FRONT, -1, 0)[0]).toBeCloseTo(2 * Math.PI - 1);
});

test('what a link says of a rotation is checked', () => {
  expect(readRotation([1, 0.5])).toEqual([1, 0.5]);
  for (const value of [undefined, 'x', [1], [1, Number.NaN], [1, 'a'], [1, 2, 3]])
    expect(readRotation(value)).toBeNull();
});

test('the nearer cells come later', () => {
  const depth = Float32Array.from([3, Number.NaN, -1, 7, 2]);
  const order = [...byDepth(depth)];
  expect(order.slice(-3)).toEqual([4, 0, 3]);
  expect(order.slice(0, 2).sort()).toEqual([1, 2]);
  expect([...byDepth(new Float32Array(3))].sort()).toEqual([0, 1, 2]);
});
