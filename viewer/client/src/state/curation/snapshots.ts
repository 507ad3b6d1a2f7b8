/** States of things made, by number, so that a view can name the one it goes with. */
import type { Made } from '../view/view';

/** What each cell has, and how to have it again from the server. */
export interface State<T> {
  readonly value: T;
  /** The change on the server that made it; null until it is on disk. */
  revision: number | null;
}

export class Snapshots<T> {
  private readonly states = new Map<number, State<T>>();

  add(number: number, value: T, revision: number | null): void {
    this.states.set(number, { value, revision });
  }

  get(number: number): State<T> {
    const state = this.states.get(number);
    if (!state) throw new RangeError(`no state ${number}`);
    return state;
  }

  has(number: number): boolean {
    return this.states.has(number);
  }

  /** Give up what no view can bring back. */
  keepOnly(made: Iterable<Made>): void {
    const used = new Set<number>();
    for (const one of made) for (const number of Object.values(one)) used.add(number);
    for (const number of this.states.keys()) if (!used.has(number)) this.states.delete(number);
  }
}

let next = 1;

/** A number no other state has, of whatever kind. */
export function newStateNumber(): number {
  return next++;
}
