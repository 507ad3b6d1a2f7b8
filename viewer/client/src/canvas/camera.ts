/** The view transform: pure functions on `View`. Data units have y up, pixels have y down; both axes have one scale. */

/** Where the camera looks: the data point in the middle of the canvas, and CSS pixels per data unit (both axes alike). */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** A rectangle in data units. */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The box of all finite points, or of the given cells; null where there are none. */
export function boundsOf(x: Float32Array, y: Float32Array, cells?: ArrayLike<number>): Box | null {
  let x0 = Number.POSITIVE_INFINITY;
  let y0 = Number.POSITIVE_INFINITY;
  let x1 = Number.NEGATIVE_INFINITY;
  let y1 = Number.NEGATIVE_INFINITY;
  const n = cells ? cells.length : x.length;
  for (let k = 0; k < n; k++) {
    const i = cells ? (cells[k] as number) : k;
    const px = x[i] as number;
    const py = y[i] as number;
    // A difference that is not 0 is NaN: one test for NaN and both infinities of both coordinates.
    if (px - px + (py - py) !== 0) continue;
    if (px < x0) x0 = px;
    if (px > x1) x1 = px;
    if (py < y0) y0 = py;
    if (py > y1) y1 = py;
  }
  return x0 <= x1 ? { x0, y0, x1, y1 } : null;
}

/** The view that shows a box with so many pixels of space around it. */
export function fitView(box: Box | null, { width, height }: Size, margin: number): View {
  if (!box) return { x: 0, y: 0, scale: 1 };
  const x = (box.x0 + box.x1) / 2;
  const y = (box.y0 + box.y1) / 2;
  const room = (length: number) => Math.max(length - 2 * margin, length / 2, 1);
  const scale = Math.min(room(width) / (box.x1 - box.x0), room(height) / (box.y1 - box.y0));
  // A single point (or a column of equal ones) has no extent to fit; any scale shows it.
  if (!Number.isFinite(scale))
    return { x, y, scale: Math.min(width, height) / (2 * Math.max(1, Math.abs(x), Math.abs(y))) };
  return { x, y, scale };
}

export function project(view: View, { width, height }: Size, x: number, y: number): [number, number] {
  return [(x - view.x) * view.scale + width / 2, height / 2 - (y - view.y) * view.scale];
}

export function unproject(view: View, { width, height }: Size, px: number, py: number): [number, number] {
  return [(px - width / 2) / view.scale + view.x, (height / 2 - py) / view.scale + view.y];
}

/** The view after the picture moved by so many pixels. */
export function panned(view: View, dx: number, dy: number): View {
  return { x: view.x - dx / view.scale, y: view.y + dy / view.scale, scale: view.scale };
}

/** The view after a zoom that leaves the data point under (px, py) where it is. */
export function zoomed(view: View, size: Size, factor: number, px: number, py: number): View {
  const [x, y] = unproject(view, size, px, py);
  const scale = view.scale * factor;
  return { x: x - (px - size.width / 2) / scale, y: y - (size.height / 2 - py) / scale, scale };
}

/** Zoom range about the fitted scale. */
const FARTHEST = 1 / 4;
const NEAREST = 500;

/** Keep a view where there are cells: its middle within their box, its scale within the zoom range. */
export function confined(view: View, box: Box | null, fitted: View, size: Size): View {
  if (!box || !Number.isFinite(view.x + view.y + view.scale)) return fitted;
  const scale = Math.min(Math.max(view.scale, fitted.scale * FARTHEST), fitted.scale * NEAREST);
  // Some cells must stay in the picture: their box may not leave it by more than half.
  const spareX = (0.4 * size.width) / scale;
  const spareY = (0.4 * size.height) / scale;
  return {
    x: Math.min(Math.max(view.x, box.x0 - spareX), box.x1 + spareX),
    y: Math.min(Math.max(view.y, box.y0 - spareY), box.y1 + spareY),
    scale,
  };
}

/** A view between two, t from 0 to 1: the zoom is even in its logarithm, and a point fixed in both stays fixed. */
export function between(a: View, b: View, t: number): View {
  if (t <= 0) return a;
  if (t >= 1) return b;
  const scale = a.scale * (b.scale / a.scale) ** t;
  const ratio = b.scale / a.scale;
  const share = Math.abs(ratio - 1) < 1e-6 ? t : (1 / scale - 1 / a.scale) / (1 / b.scale - 1 / a.scale);
  return { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share, scale };
}

/** Slow at both ends. */
export function eased(t: number): number {
  return t < 0.5 ? 4 * t * t * t : 1 - (-2 * t + 2) ** 3 / 2;
}
