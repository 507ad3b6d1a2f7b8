/** An overlay of the plot: what is drawn above the cells, on the page and in saved figures alike. */
import type { Pane } from '../state/viewer/pane.svelte';
import type { Viewer } from '../state/viewer/viewer.svelte';

/** The picture that an overlay is drawn on. */
export interface Frame {
  /** Return the pixel of a point in the units of the plot. */
  readonly project: (x: number, y: number) => readonly [number, number];
  /** Pixels per unit. */
  readonly scale: number;
  readonly width: number;
  readonly height: number;
  /** The pixels at the foot that are covered, as by the bar of the selection. */
  readonly covered: number;
}

/** Draws an overlay whose data are there. */
export type Drawing = (frame: Frame) => SVGElement[];

export interface OverlayModule {
  /** Fetch the data of the overlay for a plot; null if there is nothing to draw. */
  prepare(viewer: Viewer, pane: Pane): Promise<Drawing | null>;
}

export interface Overlay {
  readonly name: string;
  /** Return what the drawing depends on besides the coordinates; null if it is off. */
  readonly state: (viewer: Viewer, pane: Pane) => unknown;
  readonly load: () => Promise<OverlayModule>;
}
