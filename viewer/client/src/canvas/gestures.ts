/** Pointer and keyboard on the scatter plot: pan, zoom, lasso, hover, click. */
import type { Scatter } from './scatter';

export type Mode = 'pan' | 'lasso';

/** How a lasso joins the cells chosen before: shift held at its end adds (in lasso mode), alt takes away. */
export type Join = 'replace' | 'add' | 'subtract';

export interface GestureHandlers {
  /** The pointer rests at a pixel without a button; null when it leaves or a drag begins. */
  onHover?: (at: readonly [number, number] | null) => void;
  onClick?: (at: readonly [number, number], event: PointerEvent) => void;
  /** The polygon so far, [x0, y0, x1, y1, ...] in CSS pixels; null when the lasso has ended or was cancelled (Escape). */
  onLassoMove?: (polygon: readonly number[] | null) => void;
  /** A finished lasso: give it to `scatter.lasso`. */
  onLassoEnd?: (polygon: readonly number[], join: Join) => void;
}

export interface Gestures {
  mode: Mode;
  dispose(): void;
}

/**
 * Listen on the element that lies on top of the plot (the canvas itself, or its overlay of the same size).
 * Drag pans in pan mode and draws a lasso in lasso mode; shift+drag is a lasso in either; the wheel and a pinch zoom about the
 * pointer. With focus: arrows pan, + and - zoom, 0 fits, Escape cancels a lasso. The element is made focusable.
 */
export declare function attachGestures(element: HTMLElement, scatter: Scatter, handlers?: GestureHandlers, mode?: Mode): Gestures;
