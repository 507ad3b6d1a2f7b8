/**
 * Rotation of embeddings of three columns. The projection has no perspective, so that a shape drawn on the plot holds the
 * same cells at any zoom and on any screen.
 */

/** Angles in radians: about the vertical axis, then about the horizontal one. */
export type Rotation = readonly [yaw: number, pitch: number];

/** No rotation: the view along the third axis. */
export const FRONT: Rotation = [0, 0];
/** The first view: slightly from the side and from above, so that the third dimension is visible. */
export const OBLIQUE: Rotation = [0.5, 0.35];

export interface Solid {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
}

/** The sphere around all cells; its centre is the centre of rotation. */
export interface Ball {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly radius: number;
}

/** The limit of the pitch: beyond it the cells would be upside down. */
const STEEPEST = Math.PI / 2;

/** Return the sphere around the cells that have all three coordinates; null if no cell has. */
export function ballOf({ x, y, z }: Solid): Ball | null {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const columns = [x, y, z];
  for (let cell = 0; cell < x.length; cell++) {
    const sum = (x[cell] as number) + (y[cell] as number) + (z[cell] as number);
    if (sum - sum !== 0) continue;
    for (let k = 0; k < 3; k++) {
      const value = (columns[k] as Float32Array)[cell] as number;
      if (value < (low[k] as number)) low[k] = value;
      if (value > (high[k] as number)) high[k] = value;
    }
  }
  const [cx, cy, cz] = low.map((value, k) => (value + (high[k] as number)) / 2) as [number, number, number];
  if (!Number.isFinite(cx)) return null;
  let square = 0;
  for (let cell = 0; cell < x.length; cell++) {
    const [dx, dy, dz] = [(x[cell] as number) - cx, (y[cell] as number) - cy, (z[cell] as number) - cz];
    const distance = dx * dx + dy * dy + dz * dz;
    if (distance > square) square = distance;
  }
  return { x: cx, y: cy, z: cz, radius: Math.sqrt(square) };
}

/** Return the rotated coordinates (z is the depth); NaN for a cell without all three. */
export function rotated({ x, y, z }: Solid, ball: Ball, [yaw, pitch]: Rotation): Solid {
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const n = x.length;
  const made = { x: new Float32Array(n), y: new Float32Array(n), z: new Float32Array(n) };
  for (let cell = 0; cell < n; cell++) {
    const dx = (x[cell] as number) - ball.x;
    const dy = (y[cell] as number) - ball.y;
    const dz = (z[cell] as number) - ball.z;
    const away = cosYaw * dz - sinYaw * dx;
    made.x[cell] = ball.x + cosYaw * dx + sinYaw * dz;
    made.y[cell] = ball.y + cosPitch * dy - sinPitch * away;
    made.z[cell] = ball.z + sinPitch * dy + cosPitch * away;
  }
  return made;
}

/** Add angles to a rotation. */
export function rotatedBy([yaw, pitch]: Rotation, byYaw: number, byPitch: number): Rotation {
  const whole = 2 * Math.PI;
  return [(((yaw + byYaw) % whole) + whole) % whole, Math.min(Math.max(pitch + byPitch, -STEEPEST), STEEPEST)];
}

/** Round the angles, for a short link. */
export function rounded([yaw, pitch]: Rotation): Rotation {
  return [Number(yaw.toFixed(4)), Number(pitch.toFixed(4))];
}

/** Read a rotation from a link; null if it is invalid. */
export function readRotation(value: unknown): Rotation | null {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isFinite)) return null;
  return rounded(rotatedBy(FRONT, value[0] as number, value[1] as number));
}
