/**
 * Embeddings of three columns: turned, and looked at from the front without perspective, so that a shape drawn on the
 * picture has the same cells whatever the zoom, and whoever opens the link.
 */

/** Angles in radians: about the upright axis, then about the one from left to right. */
export type Turn = readonly [yaw: number, pitch: number];

/** The coordinates as they are, seen along the third. */
export const FRONT: Turn = [0, 0];
/** A little from the side and from above, so that the third dimension shows at once. */
export const OBLIQUE: Turn = [0.5, 0.35];

export interface Solid {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
}

/** A ball around all cells, about whose middle they turn. */
export interface Ball {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly radius: number;
}

/** Half a turn about the upright axis is the other side; nobody needs to see the cells upside down. */
const STEEPEST = Math.PI / 2;

/** The ball around the cells that have all three coordinates; null where none has. */
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

/** Where the cells are in the picture, and how near; NaN where one has not all three coordinates. */
export function turned({ x, y, z }: Solid, ball: Ball, [yaw, pitch]: Turn): Solid {
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

/** Turn on by some angles. */
export function turnedOn([yaw, pitch]: Turn, byYaw: number, byPitch: number): Turn {
  const whole = 2 * Math.PI;
  return [(((yaw + byYaw) % whole) + whole) % whole, Math.min(Math.max(pitch + byPitch, -STEEPEST), STEEPEST)];
}

/** An angle in as few digits as a picture needs. */
export function rounded([yaw, pitch]: Turn): Turn {
  return [Number(yaw.toFixed(4)), Number(pitch.toFixed(4))];
}

/** A turn of unknown origin; null where it is none. */
export function readTurn(value: unknown): Turn | null {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isFinite)) return null;
  return rounded(turnedOn(FRONT, value[0] as number, value[1] as number));
}
