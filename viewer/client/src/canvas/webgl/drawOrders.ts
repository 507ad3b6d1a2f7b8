/** The order in which cells are drawn, made at once or in steps, of all cells or of a few. */

import type { Order } from '../paint';
import { inSteps } from '../steps';
import { byDepth, type Drawn, type DrawOrder, drawOrder, orderSteps, shuffled } from './order';

export class DrawOrders {
  #kind: Order = 'shuffled';
  #shuffle: Uint32Array | null = null;
  /** The order of all cells, prepared in steps. */
  #prepared: DrawOrder | null = null;
  #stop = () => {};
  /** Called if what is being prepared is not needed any more. */
  #stopped = () => {};

  setKind(kind: Order): void {
    this.#kind = kind;
  }

  /** Forget the permutation: there is another number of cells. */
  resize(): void {
    this.#shuffle = null;
  }

  /** Forget what was prepared: the cells, their colours or their mask are others. */
  reset(): void {
    this.stop();
    this.#prepared = null;
  }

  /** Stop preparing. */
  stop(): void {
    this.#stop();
    this.#stopped();
    this.#stopped = () => {};
  }

  get isPrepared(): boolean {
    return this.#prepared !== null;
  }

  /** Prepare the order of all cells in steps, so that the page answers meanwhile; `stopped` is called if it is stopped. */
  prepare(drawn: Drawn, depth: Float32Array | null, done: () => void, stopped: () => void = () => {}): void {
    this.stop();
    this.#stopped = stopped;
    this.#stop = inSteps(orderSteps(drawn, this.#kind, this.#mixed(drawn, depth)), (order) => {
      this.#prepared = order;
      this.#stopped = () => {};
      done();
    });
  }

  /** The order of all cells: the one prepared, or one made at once. */
  ofAll(drawn: Drawn, depth: Float32Array | null): DrawOrder {
    const prepared = this.#prepared;
    this.#prepared = null;
    return prepared ?? drawOrder(drawn, this.#kind, this.#mixed(drawn, depth));
  }

  /** The order of so many cells, for a thin picture. */
  ofFew(drawn: Drawn, most: number): DrawOrder {
    return drawOrder(drawn, this.#kind, this.#permutation(drawn), most);
  }

  /** The permutation by which cells cover each other where the order is shuffled. */
  #mixed(drawn: Drawn, depth: Float32Array | null): Uint32Array | null {
    if (this.#kind !== 'shuffled') return null;
    return depth ? byDepth(depth) : this.#permutation(drawn);
  }

  #permutation({ x }: Drawn): Uint32Array {
    this.#shuffle ??= shuffled(x.length);
    return this.#shuffle;
  }
}
