/** The index of the cells by place, made in the background once the cells rest. */
import type { Box } from './camera';
import { type Grid, gridSteps } from './grid';
import { inSteps, whole } from './steps';

export class CellIndex {
  #grid: Grid | null = null;
  /** The index under way, and how its steps are stopped. */
  #steps: Generator<undefined, Grid> | null = null;
  #stop = () => {};
  #make: () => Generator<undefined, Grid>;

  constructor() {
    this.#make = () => gridSteps(new Float32Array(0), new Float32Array(0), null);
  }

  /** Index other places after `rest` milliseconds: cells that turn are elsewhere in the next frame. */
  set(x: Float32Array, y: Float32Array, box: Box | null, rest: number): void {
    this.#stop();
    this.#grid = null;
    this.#steps = null;
    this.#make = () => gridSteps(x, y, box);
    let stop = () => {};
    const timer = setTimeout(() => {
      this.#steps = this.#make();
      stop = inSteps(this.#steps, (grid) => {
        this.#grid = grid;
      });
    }, rest);
    this.#stop = () => {
      clearTimeout(timer);
      stop();
    };
  }

  /** The nearest accepted cell within a distance; -1 for none. Makes the rest of the index at once if it is not whole. */
  nearest(x: number, y: number, distance: number, accept: (cell: number) => boolean): number {
    if (!this.#grid) {
      this.#stop();
      this.#grid = whole(this.#steps ?? this.#make());
      this.#steps = null;
    }
    return this.#grid.nearest(x, y, distance, accept);
  }

  dispose(): void {
    this.#stop();
  }
}
