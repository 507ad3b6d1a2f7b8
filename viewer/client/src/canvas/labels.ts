/** Names of the categories on the plot: where each belongs, and how they keep out of each other's way. */
import { boundsOf } from './camera';
import { AT_ONCE, whole } from './steps';

/** The place of one category in data units. */
export interface Anchor {
  /** The category's code. */
  readonly code: number;
  readonly x: number;
  readonly y: number;
  /** Cells of the category that are drawn. */
  readonly n: number;
}

const SIDE = 48;
/** Squares to each side that count as the neighbourhood of a square. */
const NEAR = 3;
const STEPS = 4;

/**
 * The densest place of each category (a centroid would lie between the islands of a split category), moved to the middle
 * of its island. Categories without a drawable cell are left out.
 *
 * @param codes - one per cell; codes outside 0..size-1 (missing) count nowhere
 * @param mask - cells that count, 0 for those that do not; null: all
 */
export function anchors(
  x: Float32Array,
  y: Float32Array,
  codes: ArrayLike<number>,
  size: number,
  mask: Uint8Array | null = null,
): Anchor[] {
  return whole(anchorSteps(x, y, codes, size, mask));
}

/** The same in steps, for so many cells that the page would not answer meanwhile. */
export function* anchorSteps(
  x: Float32Array,
  y: Float32Array,
  codes: ArrayLike<number>,
  size: number,
  mask: Uint8Array | null,
): Generator<undefined, Anchor[]> {
  const box = boundsOf(x, y);
  if (!box || size === 0) return [];
  const perX = SIDE / (box.x1 - box.x0 || 1);
  const perY = SIDE / (box.y1 - box.y0 || 1);
  const place = (at: number) => (at >= SIDE ? SIDE - 1 : at);
  const counts = new Uint32Array(size * SIDE * SIDE);
  const totals = new Uint32Array(size);
  const look = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const code = codes[i] as number;
      const px = x[i] as number;
      const py = y[i] as number;
      if (!(code >= 0 && code < size) || mask?.[i] === 0 || px - px + (py - py) !== 0) continue;
      const column = place(Math.floor((px - box.x0) * perX));
      const row = place(Math.floor((py - box.y0) * perY));
      const at = (code * SIDE + row) * SIDE + column;
      counts[at] = (counts[at] as number) + 1;
      totals[code] = (totals[code] as number) + 1;
    }
  };
  for (let from = 0; from < x.length; from += AT_ONCE) {
    yield;
    look(from, Math.min(x.length, from + AT_ONCE));
  }
  yield;
  const found: Anchor[] = [];
  for (let code = 0; code < size; code++) {
    const n = totals[code] as number;
    if (n === 0) continue;
    const [column, row] = settle(counts.subarray(code * SIDE * SIDE, (code + 1) * SIDE * SIDE));
    found.push({ code, x: box.x0 + (column + 0.5) / perX, y: box.y0 + (row + 0.5) / perY, n });
  }
  return found;
}

/** From the fullest neighbourhood uphill to the mean of what is near: column and row, in squares. */
function settle(squares: Uint32Array): [number, number] {
  let best = 0;
  let column = 0;
  let row = 0;
  for (let r = 0; r < SIDE; r++) {
    for (let c = 0; c < SIDE; c++) {
      if (squares[r * SIDE + c] === 0) continue;
      const sum = mean(squares, c, r, 1).weight;
      if (sum > best) {
        best = sum;
        column = c;
        row = r;
      }
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const next = mean(squares, Math.round(column), Math.round(row), NEAR);
    column = next.column;
    row = next.row;
  }
  return [column, row];
}

function mean(squares: Uint32Array, column: number, row: number, near: number) {
  let weight = 0;
  let sumColumn = 0;
  let sumRow = 0;
  for (let r = Math.max(0, row - near); r <= Math.min(SIDE - 1, row + near); r++) {
    for (let c = Math.max(0, column - near); c <= Math.min(SIDE - 1, column + near); c++) {
      const count = squares[r * SIDE + c] as number;
      weight += count;
      sumColumn += count * c;
      sumRow += count * r;
    }
  }
  return { weight, column: sumColumn / weight, row: sumRow / weight };
}

/** A label to place, in pixels. */
export interface Label {
  readonly code: number;
  /** Where it would best be centred. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Heavier labels choose first. */
  readonly weight: number;
}

export interface PlacedLabel {
  readonly code: number;
  /** Centre of the label. */
  readonly x: number;
  readonly y: number;
  /** Whether it had to leave its anchor so far that a line to it helps. */
  readonly moved: boolean;
}

/** Free space between labels, and to the border. */
const GAP = 2;
const RINGS = 6;

/**
 * Place labels so that none overlaps another or the border. A label whose anchor is out of the picture is left out, and so
 * is one without a free place near its anchor.
 */
export function placeLabels(labels: readonly Label[], width: number, height: number): PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  const boxes: { x: number; y: number; width: number; height: number }[] = [];
  const heaviestFirst = [...labels].sort((a, b) => b.weight - a.weight || a.code - b.code);
  for (const label of heaviestFirst) {
    if (label.x < 0 || label.x > width || label.y < 0 || label.y > height) continue;
    const free = (x: number, y: number) =>
      boxes.every(
        (box) =>
          Math.abs(box.x - x) >= (box.width + label.width) / 2 + GAP ||
          Math.abs(box.y - y) >= (box.height + label.height) / 2 + GAP,
      );
    const inside = (at: number, half: number, end: number) =>
      2 * half + 2 * GAP > end ? end / 2 : Math.min(Math.max(at, half + GAP), end - half - GAP);
    for (const [dx, dy] of offsets()) {
      const x = inside(label.x + dx * label.height, label.width / 2, width);
      const y = inside(label.y + dy * label.height, label.height / 2, height);
      if (!free(x, y)) continue;
      boxes.push({ x, y, width: label.width, height: label.height });
      placed.push({ code: label.code, x, y, moved: Math.hypot(x - label.x, y - label.y) > 1.5 * label.height });
      break;
    }
  }
  return placed;
}

let made: [number, number][] | null = null;

/** Ways out of the anchor in label heights, nearest first; wider than high, as labels are. */
function offsets(): readonly [number, number][] {
  if (made) return made;
  made = [[0, 0]];
  for (let ring = 1; ring <= RINGS; ring++) {
    for (let k = 0; k < 12; k++) {
      const angle = ((k + (ring % 2) / 2) * Math.PI) / 6;
      made.push([0.9 * ring * Math.cos(angle), 0.55 * ring * Math.sin(angle)]);
    }
  }
  made.sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
  return made;
}
