/** The rectangle that the keys move and size: the way to a region of the plot without a pointer. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels of a step; a key that is held repeats it. */
const STEP = 20;
/** The part of the plot that a first rectangle has of each side. */
const PART = 0.25;
const LEAST = 20;

/** Return the rectangle in the middle of a plot. */
export function inTheMiddle({ width, height }: Size): Rectangle {
  return {
    x: (width * (1 - PART)) / 2,
    y: (height * (1 - PART)) / 2,
    width: width * PART,
    height: height * PART,
  };
}

/** Return the rectangle after a key, within the plot; null for a key that means nothing to it. */
export function keyed(rectangle: Rectangle, key: string, sizes: boolean, plot: Size): Rectangle | null {
  const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key];
  if (!step) return null;
  const [dx = 0, dy = 0] = step;
  const { x, y, width, height } = rectangle;
  if (sizes) {
    return {
      x,
      y,
      width: Math.max(LEAST, Math.min(width + dx, plot.width - x)),
      height: Math.max(LEAST, Math.min(height + dy, plot.height - y)),
    };
  }
  return {
    x: Math.max(0, Math.min(x + dx, plot.width - width)),
    y: Math.max(0, Math.min(y + dy, plot.height - height)),
    width,
    height,
  };
}

/** Return the corners, x after y. */
export function cornersOf({ x, y, width, height }: Rectangle): number[] {
  return [x, y, x + width, y, x + width, y + height, x, y + height];
}
