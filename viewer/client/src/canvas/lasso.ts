/**
 * Cells within a polygon. The polygon is drawn into a raster first: a cell whose square no edge touches is decided by one
 * look-up, and only cells near an edge are tested exactly.
 *
 * A point counts as within where the polygon winds around it (the rule SVG fills by), so a lasso that crosses itself
 * selects what it shows as filled.
 */

const SIDE = 1024;
const EDGE = 2;

/**
 * Cells within a polygon.
 *
 * @param polygon - corners [x0, y0, x1, y1, ...] in the units of x and y; it is closed by itself
 * @param accept - further condition on a cell
 * @returns their indices, ascending
 */
export function lassoCells(
  x: Float32Array,
  y: Float32Array,
  polygon: ArrayLike<number>,
  accept?: (cell: number) => boolean,
): Uint32Array {
  const corners = polygon.length >> 1;
  if (corners < 3) return new Uint32Array(0);
  let x0 = Number.POSITIVE_INFINITY;
  let y0 = Number.POSITIVE_INFINITY;
  let x1 = Number.NEGATIVE_INFINITY;
  let y1 = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < corners; k++) {
    const px = polygon[2 * k] as number;
    const py = polygon[2 * k + 1] as number;
    if (px < x0) x0 = px;
    if (px > x1) x1 = px;
    if (py < y0) y0 = py;
    if (py > y1) y1 = py;
  }
  if (!(x1 > x0 && y1 > y0)) return new Uint32Array(0);

  const side = Math.min(SIDE, Math.max(16, 2 * Math.ceil(Math.sqrt(x.length))));
  const perX = side / (x1 - x0);
  const perY = side / (y1 - y0);
  const toColumn = (px: number) => Math.min(side - 1, Math.max(0, Math.floor((px - x0) * perX)));
  const toRow = (py: number) => Math.min(side - 1, Math.max(0, Math.floor((py - y0) * perY)));
  const { raster, edgesOfRow } = rasterise(polygon, corners, side, { x0, y0, perX, perY }, toColumn, toRow);

  const found = new Uint32Array(x.length);
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    const px = x[i] as number;
    const py = y[i] as number;
    // NaN fails every comparison, so it is left out here.
    if (!(px >= x0 && px <= x1 && py >= y0 && py <= y1)) continue;
    const row = toRow(py);
    const kind = raster[row * side + toColumn(px)] as number;
    if (kind === 0) continue;
    if (kind === EDGE && winding(polygon, corners, edgesOfRow[row] as number[], px, py) === 0) continue;
    if (accept && !accept(i)) continue;
    found[count++] = i;
  }
  return found.slice(0, count);
}

/**
 * A polygon with fewer corners and shorter numbers that goes nowhere farther than `tolerance` from the one given.
 */
export function simplified(polygon: readonly number[], tolerance: number): number[] {
  const corners = polygon.length >> 1;
  const digits = Math.min(12, Math.max(0, Math.ceil(-Math.log10(tolerance / 4))));
  const keep = new Uint8Array(corners);
  keep[0] = 1;
  keep[corners - 1] = 1;
  const spans: [number, number][] = [[0, corners - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span;
    let farthest = -1;
    let most = tolerance / 2;
    for (let k = from + 1; k < to; k++) {
      const distance = toSegment(polygon, k, from, to);
      if (distance > most) {
        most = distance;
        farthest = k;
      }
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    spans.push([from, farthest], [farthest, to]);
  }
  const simple: number[] = [];
  for (let k = 0; k < corners; k++) {
    if (keep[k]) {
      simple.push(Number((polygon[2 * k] as number).toFixed(digits)));
      simple.push(Number((polygon[2 * k + 1] as number).toFixed(digits)));
    }
  }
  return simple;
}

/** Distance of a corner from the line between two others. */
function toSegment(polygon: readonly number[], k: number, from: number, to: number): number {
  const x = polygon[2 * from] as number;
  const y = polygon[2 * from + 1] as number;
  const dx = (polygon[2 * to] as number) - x;
  const dy = (polygon[2 * to + 1] as number) - y;
  const px = (polygon[2 * k] as number) - x;
  const py = (polygon[2 * k + 1] as number) - y;
  const length = dx * dx + dy * dy;
  const share = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
  return Math.hypot(px - share * dx, py - share * dy);
}

interface Frame {
  readonly x0: number;
  readonly y0: number;
  readonly perX: number;
  readonly perY: number;
}

/** Squares the polygon covers (1), those an edge may touch (EDGE), and for each row the edges that reach it. */
function rasterise(
  polygon: ArrayLike<number>,
  corners: number,
  side: number,
  { x0, y0, perX, perY }: Frame,
  toColumn: (px: number) => number,
  toRow: (py: number) => number,
): { raster: Uint8Array; edgesOfRow: number[][] } {
  const raster = new Uint8Array(side * side);
  const edgesOfRow: number[][] = Array.from({ length: side }, () => []);
  // Rounding may put a point of an edge into the neighbour square.
  const slackX = 1e-6 / perX;
  const slackY = 1e-6 / perY;
  for (let k = 0; k < corners; k++) {
    const l = k + 1 === corners ? 0 : k + 1;
    const ax = polygon[2 * k] as number;
    const ay = polygon[2 * k + 1] as number;
    const bx = polygon[2 * l] as number;
    const by = polygon[2 * l + 1] as number;
    const last = toRow(Math.max(ay, by) + slackY);
    for (let row = toRow(Math.min(ay, by) - slackY); row <= last; row++) {
      (edgesOfRow[row] as number[]).push(k);
      // The part of the edge within the row.
      const low = Math.max(y0 + row / perY, Math.min(ay, by));
      const high = Math.min(y0 + (row + 1) / perY, Math.max(ay, by));
      const at = (y: number) => (ay === by ? ax : ax + ((bx - ax) * (y - ay)) / (by - ay));
      const from = ay === by ? Math.min(ax, bx) : Math.min(at(low), at(high));
      const to = ay === by ? Math.max(ax, bx) : Math.max(at(low), at(high));
      raster.fill(EDGE, row * side + toColumn(from - slackX), row * side + toColumn(to + slackX) + 1);
    }
  }
  // Between edges a whole run of squares lies on one side, so one exact test decides the run.
  for (let row = 0; row < side; row++) {
    const middle = y0 + (row + 0.5) / perY;
    const edges = edgesOfRow[row] as number[];
    let column = 0;
    while (column < side) {
      if (raster[row * side + column] === EDGE) {
        column++;
        continue;
      }
      const begin = column;
      while (column < side && raster[row * side + column] !== EDGE) column++;
      if (winding(polygon, corners, edges, x0 + (begin + 0.5) / perX, middle) !== 0) {
        raster.fill(1, row * side + begin, row * side + column);
      }
    }
  }
  return { raster, edgesOfRow };
}

/** How often the polygon winds around a point, given the edges that reach the point's row. */
function winding(
  polygon: ArrayLike<number>,
  corners: number,
  edges: readonly number[],
  px: number,
  py: number,
): number {
  let turns = 0;
  for (const k of edges) {
    const l = k + 1 === corners ? 0 : k + 1;
    const ay = polygon[2 * k + 1] as number;
    const by = polygon[2 * l + 1] as number;
    if (ay <= py === by <= py) continue;
    const ax = polygon[2 * k] as number;
    const bx = polygon[2 * l] as number;
    const side = (bx - ax) * (py - ay) - (px - ax) * (by - ay);
    if (by > ay ? side > 0 : side < 0) turns += by > ay ? 1 : -1;
  }
  return turns;
}
