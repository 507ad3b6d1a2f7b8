/** Placement of labels on a plot: none overlaps another, and each is within reach of what it names. */

/** A label to place, in pixels. */
export interface Label {
  readonly code: number;
  /** What it names: the label is centred there if it can be. */
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
  /** Whether what it names is not under it, so that a line to it helps. */
  readonly moved: boolean;
  /** That line: from the border of the label to its anchor. */
  readonly line: readonly [number, number, number, number];
}

export interface Placement {
  /** Covered pixels at the top and the bottom. */
  readonly top?: number;
  readonly bottom?: number;
  /** Whether a label must be nearer to its own anchor than to that of any other label. */
  readonly exclusive?: boolean;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Free space between labels, and to the border. */
const GAP = 2;
const RINGS = 6;
/** Pixels up to which a label is on its anchor. */
export const NEAR = 4;
/** The farthest that a label may be from its anchor, in its heights. */
export const REACH = 2;

/**
 * Place labels so that none overlaps another or the border. A label whose anchor is out of the picture is left out, and so
 * is one without a free place within reach of its anchor.
 */
export function placeLabels(
  labels: readonly Label[],
  width: number,
  height: number,
  { top = 0, bottom = 0, exclusive = false }: Placement = {},
): PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  const boxes: Box[] = [];
  const seen = labels.filter(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height);
  const heaviestFirst = [...seen].sort((a, b) => b.weight - a.weight || a.code - b.code);
  for (const label of heaviestFirst) {
    if (label.width + 2 * GAP > width || label.height + 2 * GAP > height - top - bottom) continue;
    const inside = (at: number, half: number, start: number, end: number) =>
      Math.min(Math.max(at, start + half + GAP), end - half - GAP);
    for (const [dx, dy] of offsets()) {
      const x = inside(label.x + dx * label.height, label.width / 2, 0, width);
      const y = inside(label.y + dy * label.height, label.height / 2, top, height - bottom);
      const box = { x, y, width: label.width, height: label.height };
      const far = distance(box, label);
      if (far > REACH * label.height || boxes.some((other) => overlap(box, other))) continue;
      if (exclusive && far > NEAR && seen.some((other) => other !== label && distance(box, other) <= far)) continue;
      boxes.push(box);
      placed.push({ code: label.code, x, y, moved: far > NEAR, line: [...nearest(box, label), label.x, label.y] });
      break;
    }
  }
  return placed;
}

/** Return the line of a label to what it names, as that of a label that the user has moved. */
export function lineTo(box: Box, [x, y]: readonly [number, number]): Pick<PlacedLabel, 'moved' | 'line'> {
  const to = { x, y };
  return { moved: distance(box, to) > NEAR, line: [...nearest(box, to), x, y] };
}

/** Return the codes of the labels in the picture that were not placed, the heaviest first. */
export function leftOut(labels: readonly Label[], placed: readonly PlacedLabel[]): number[] {
  const drawn = new Set(placed.map(({ code }) => code));
  return [...labels]
    .sort((a, b) => b.weight - a.weight || a.code - b.code)
    .map(({ code }) => code)
    .filter((code) => !drawn.has(code));
}

function overlap(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 + GAP && Math.abs(a.y - b.y) < (a.height + b.height) / 2 + GAP;
}

/** The point of a box that is nearest to another point. */
function nearest({ x, y, width, height }: Box, to: { readonly x: number; readonly y: number }): [number, number] {
  return [
    Math.min(Math.max(to.x, x - width / 2), x + width / 2),
    Math.min(Math.max(to.y, y - height / 2), y + height / 2),
  ];
}

/** The distance of a point from a box; 0 inside. */
export function distance(box: Box, to: { readonly x: number; readonly y: number }): number {
  const [x, y] = nearest(box, to);
  return Math.hypot(x - to.x, y - to.y);
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
