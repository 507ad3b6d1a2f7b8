/**
 * The scatter plot behind one narrow interface. Everything drawn goes through it, so that another renderer could
 * take its place. Pixels are CSS pixels from the top left corner of the canvas; data units are the embedding's own.
 */

import type { Box, Size, View } from './camera';
import type { Lut, Order, Rgb } from './paint';
import type { BackdropImage, BackdropStyle } from './webgl/backdrop';

export interface ScatterOptions {
  background?: Rgb;
  /** Factor on the automatic point size; 1 by default. */
  pointSize?: number;
  /** 0 to 1, or null for one that follows the number of cells. */
  opacity?: number | null;
  /** Called when the plot cannot be drawn for now (context lost), and again with false when it can. */
  onLost?: (lost: boolean) => void;
  /** Draw nothing but the pictures that are asked for: no frames, and no index for the pointer. */
  onDemand?: boolean;
}

export interface PositionOptions {
  /** Let the cells move there from where they are. */
  animate?: boolean;
  /** What counts as the extent of the cells, where it is not the box around them: they turn within a larger one. */
  box?: Box | null;
  /** How near each cell is: of cells in a shuffled order the nearer lie on top. Kept, not copied. */
  depth?: Float32Array | null;
}

export interface PngOptions {
  /** Pixels of the picture per CSS pixel; 2 by default. */
  scale?: number;
  /** Colour behind the cells; null is transparent; the plot's own by default. */
  background?: Rgb | null;
}

export interface Scatter {
  readonly canvas: HTMLCanvasElement;

  /** Coordinates of the cells, kept (not copied) for picking and lasso. A cell with NaN or infinity is not drawn. Does not move the view: call `fit`. */
  setPositions(x: Float32Array, y: Float32Array, options?: PositionOptions): void;
  /** One code a cell, an index into the LUT. Kept, not copied. null: every cell has code 0. */
  setCodes(codes: Uint8Array | Uint16Array | null): void;
  setLut(lut: Lut): void;
  setOrder(order: Order): void;
  /** One byte a cell: FADED, NORMAL, HIGHLIGHTED. Kept, not copied; call again after changing it. null: all NORMAL. */
  setMask(mask: Uint8Array | null): void;
  /** Factor on the automatic size. */
  setPointSize(factor: number): void;
  /** 0 to 1; null follows the number of cells. */
  setOpacity(opacity: number | null): void;
  setBackground(rgb: Rgb): void;
  /** A picture under the cells, or none. */
  setImage(image: BackdropImage | null): void;
  setImageStyle(style: BackdropStyle): void;
  /** The diameter of a cell in data units, in place of the automatic size; the factor applies to it as well. */
  setSpotDiameter(units: number | null): void;

  /** Cells that have a place in this embedding. */
  readonly nDrawable: number;
  /** Diameter of a normal cell now, in CSS pixels. */
  readonly pointDiameter: number;
  readonly size: Size;

  readonly view: View;
  /** The view that shows all cells. */
  readonly fitted: View;
  setView(view: View, animate?: boolean): void;
  /** Show all cells, or the given ones. */
  fit(options?: { animate?: boolean; cells?: ArrayLike<number> }): void;
  /** Move the picture by so many pixels. */
  panBy(dx: number, dy: number, animate?: boolean): void;
  /** Zoom by a factor; the data point under (px, py), by default the middle, stays where it is. */
  zoomBy(factor: number, px?: number, py?: number, animate?: boolean): void;
  /** Data units to pixels. */
  project(x: number, y: number): [number, number];
  /** Pixels to data units. */
  unproject(px: number, py: number): [number, number];
  /** Called whenever the view or the canvas' size changed (for labels above the canvas). Returns the way to stop it. */
  onView(listener: (view: View) => void): () => void;

  /** The visible cell nearest to a pixel, at most `reach` pixels away (default: the point's radius and some); -1 for none. */
  pick(px: number, py: number, reach?: number): number;
  /** Visible, not faded cells within a polygon of pixels, ascending. The polygon is [x0, y0, x1, y1, ...], closed by itself. */
  lasso(polygon: ArrayLike<number>): Uint32Array;

  /**
   * Order the cells in steps, so that the page answers meanwhile; the drawing that follows takes so much less. Ends early if
   * the cells or their colours change.
   */
  prepare(): Promise<void>;
  /** A PNG of what is shown. */
  toPNG(options?: PngOptions): Promise<Blob>;
  /** Draw now rather than in the next animation frame (tests, exports). */
  flush(): void;
  dispose(): void;
}
