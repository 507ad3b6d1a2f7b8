/** Names of the categories on the plot: where each belongs, and how they keep out of each other's way. */

/** The place of one category in data units. */
export interface Anchor {
  /** The category's code. */
  readonly code: number;
  readonly x: number;
  readonly y: number;
  /** Cells of the category that are drawn. */
  readonly n: number;
}

/**
 * The densest place of each category (a centroid would lie between the islands of a split category).
 * Categories without a drawable cell are left out.
 *
 * @param codes - one per cell; codes outside 0..size-1 (missing) count nowhere
 */
export declare function anchors(
  x: Float32Array,
  y: Float32Array,
  codes: ArrayLike<number>,
  size: number,
): Anchor[];

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
  /** Whether it had to leave its anchor: draw a line to it. */
  readonly moved: boolean;
}

/** Place labels so that none overlaps another. A label without a free place near its anchor is left out. */
export declare function placeLabels(labels: readonly Label[], width: number, height: number): PlacedLabel[];
