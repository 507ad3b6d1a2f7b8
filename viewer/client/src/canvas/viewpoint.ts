/** Where the camera looks and how it gets there: its place is confined to the cells, and animated if that is asked for. */
import {
  type Box,
  between,
  confined,
  eased,
  fitView,
  panned,
  project,
  type Size,
  unproject,
  type View,
  zoomed,
} from './camera';

const DURATION = 280;

interface Animation {
  readonly from: View;
  readonly to: View;
  begin: number;
}

/** Whether the user wants nothing to move by itself. */
export function still(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

export class Viewpoint {
  readonly #onMove: () => void;
  readonly #listeners = new Set<(view: View) => void>();
  #size: Size = { width: 0, height: 0 };
  #box: Box | null = null;
  #view: View = { x: 0, y: 0, scale: 1 };
  #fitted: View = { x: 0, y: 0, scale: 1 };
  /** The user has not moved the view since the last fit, so a new size fits again. */
  #atFit = true;
  #animation: Animation | null = null;
  #moved = false;

  /** `onMove` is called when there is something new to draw. */
  constructor(onMove: () => void) {
    this.#onMove = onMove;
  }

  get size(): Size {
    return this.#size;
  }

  /** The box of the cells. */
  get box(): Box | null {
    return this.#box;
  }

  get view(): View {
    return this.#view;
  }

  /** The view that shows all cells. */
  get fitted(): View {
    return this.#fitted;
  }

  /** Scale relative to the view that shows all cells. */
  get zoom(): number {
    return this.#view.scale / this.#fitted.scale;
  }

  /** Whether the view is another than the one last told of. */
  get moved(): boolean {
    return this.#moved;
  }

  /** There are other cells, in another box; the view stays. */
  setBox(box: Box | null): void {
    this.#box = box;
    this.#fitted = this.#fitOf(box);
  }

  setView(view: View, animate = false): void {
    this.#atFit = false;
    this.#go(this.#confined(view), animate);
  }

  /** Show all cells, or what is in a box. */
  fit(box: Box | null = null, animate = false): void {
    this.#fitted = this.#fitOf(this.#box);
    this.#atFit = box === null;
    this.#go(box ? this.#confined(this.#fitOf(box)) : this.#fitted, animate);
  }

  panBy(dx: number, dy: number, animate = false): void {
    this.setView(panned(this.#destination(animate), dx, dy), animate);
  }

  zoomBy(factor: number, px = this.#size.width / 2, py = this.#size.height / 2, animate = false): void {
    const from = this.#destination(animate);
    // Confine the factor first: at the end of the range a zoom must not turn into a pan.
    const { scale } = this.#confined({ ...from, scale: from.scale * factor });
    this.setView(zoomed(from, this.#size, scale / from.scale, px, py), animate);
  }

  project(x: number, y: number): [number, number] {
    return project(this.#view, this.#size, x, y);
  }

  unproject(px: number, py: number): [number, number] {
    return unproject(this.#view, this.#size, px, py);
  }

  /** The canvas has another size. */
  resize(size: Size): void {
    const before = this.#fitted;
    this.#size = size;
    this.#fitted = this.#fitOf(this.#box);
    this.#animation = null;
    this.#view = this.#atFit
      ? this.#fitted
      : { ...this.#view, scale: (this.#view.scale * this.#fitted.scale) / before.scale };
    this.#moved = true;
    this.#onMove();
  }

  /** Go on with an animation at the time of a frame (ms). Whether there is more of it. */
  advance(now: number): boolean {
    const animation = this.#animation;
    if (!animation) return false;
    if (Number.isNaN(animation.begin)) animation.begin = now;
    const t = Math.min(1, (now - animation.begin) / DURATION);
    this.#view = between(animation.from, animation.to, eased(t));
    this.#moved = true;
    if (t >= 1) this.#animation = null;
    return t < 1;
  }

  /** End an animation where it leads. */
  arrive(): void {
    if (!this.#animation) return;
    this.#view = this.#animation.to;
    this.#animation = null;
    this.#moved = true;
  }

  onView(listener: (view: View) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tell those who listen where the camera looks, if it moved. */
  tell(): void {
    if (!this.#moved) return;
    this.#moved = false;
    for (const listener of this.#listeners) listener(this.#view);
  }

  dispose(): void {
    this.#listeners.clear();
  }

  #fitOf(box: Box | null): View {
    // Points have a size: half of the largest, and some air, less of it in a small picture.
    const { width, height } = this.#size;
    return fitView(box, this.#size, Math.min(24, 0.05 * Math.min(width, height)));
  }

  #confined(view: View): View {
    return confined(view, this.#box, this.#fitted, this.#size);
  }

  /** Where a running animation ends: key after key adds up. */
  #destination(animate: boolean): View {
    return animate && this.#animation ? this.#animation.to : this.#view;
  }

  #go(view: View, animate: boolean): void {
    if (animate && !still() && this.#size.width > 0) {
      this.#animation = { from: this.#view, to: view, begin: Number.NaN };
    } else {
      this.#animation = null;
      this.#view = view;
    }
    this.#moved = true;
    this.#onMove();
  }
}
