/** How spatial embeddings are shown: the image below the cells, the size of spots, and the orientation. */

/** Turned clockwise by quarters, after it was flipped from left to right. */
export interface Orientation {
  readonly turns: 0 | 1 | 2 | 3;
  readonly flipped: boolean;
}

export interface TissueLook extends Orientation {
  /** Whether the image is shown. */
  readonly image: boolean;
  /** From 0 to 1. */
  readonly opacity: number;
  /** The factor of its colours. */
  readonly brightness: number;
  /** Whether spots have their diameter in the tissue, where the file says it. */
  readonly trueSize: boolean;
}

export const DEFAULT_TISSUE: TissueLook = {
  turns: 0,
  flipped: false,
  image: true,
  opacity: 1,
  brightness: 1,
  trueSize: true,
};

export const BRIGHTNESS = { least: 0.2, most: 3 };

/** The matrix of an orientation: x' = a x + b y, y' = c x + d y, with y up. */
export type Turn = readonly [a: number, b: number, c: number, d: number];

const QUARTERS: readonly Turn[] = [
  [1, 0, 0, 1],
  [0, 1, -1, 0],
  [-1, 0, 0, -1],
  [0, -1, 1, 0],
];

export function isOriented({ turns, flipped }: Orientation): boolean {
  return turns !== 0 || flipped;
}

/** Return the matrix of an orientation; its inverse is its transpose. */
export function turnOf({ turns, flipped }: Orientation): Turn {
  const [a, b, c, d] = QUARTERS[turns] as Turn;
  return flipped ? [-a, b, -c, d] : [a, b, c, d];
}

/** Return a point in an orientation. */
export function oriented([a, b, c, d]: Turn, x: number, y: number): [number, number] {
  return [a * x + b * y, c * x + d * y];
}

/** Return the corners [x0, y0, x1, y1, ...] of a shape as they were before an orientation. */
export function unoriented(orientation: Orientation, corners: readonly number[]): number[] {
  const [a, b, c, d] = turnOf(orientation);
  const made: number[] = [];
  for (let k = 0; k + 1 < corners.length; k += 2) {
    // Without a negative zero, which JSON would not keep.
    made.push(...oriented([a, c, b, d], corners[k] as number, corners[k + 1] as number).map((value) => value + 0));
  }
  return made;
}

/** Return an orientation after another quarter turn, clockwise as it is seen. */
export function turned({ turns, flipped }: Orientation, by: 1 | -1): Orientation {
  return { turns: ((turns + by + 4) % 4) as Orientation['turns'], flipped };
}

/** Return an orientation after a flip from left to right, as it is seen. */
export function flippedOver({ turns, flipped }: Orientation): Orientation {
  return { turns: ((4 - turns) % 4) as Orientation['turns'], flipped: !flipped };
}

/** Return the choices that differ from the default, for links; null if none does. */
export function savedTissue(look: TissueLook): Partial<TissueLook> | null {
  const other = Object.entries(look).filter(([key, value]) => DEFAULT_TISSUE[key as keyof TissueLook] !== value);
  return other.length > 0 ? Object.fromEntries(other) : null;
}

/** Read the choices of a link; what is invalid is the default. */
export function readTissue(given: Record<string, unknown>): TissueLook {
  const { turns, opacity, brightness } = given;
  const is = (key: 'flipped' | 'image' | 'trueSize') =>
    typeof given[key] === 'boolean' ? given[key] : DEFAULT_TISSUE[key];
  const within = (value: unknown, least: number, most: number): value is number =>
    typeof value === 'number' && value >= least && value <= most;
  return {
    turns: turns === 1 || turns === 2 || turns === 3 ? turns : 0,
    flipped: is('flipped'),
    image: is('image'),
    opacity: within(opacity, 0, 1) ? opacity : DEFAULT_TISSUE.opacity,
    brightness: within(brightness, BRIGHTNESS.least, BRIGHTNESS.most) ? brightness : DEFAULT_TISSUE.brightness,
    trueSize: is('trueSize'),
  };
}
