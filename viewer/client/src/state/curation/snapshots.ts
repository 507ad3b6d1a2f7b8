/** Past states of annotations and gene sets by number, for undo. */
import type { ItemStates } from '../view/view';

/** A state, and the revision of the server that has it. */
export interface State<T> {
  readonly value: T;
  /** Null until it is saved. */
  revision: number | null;
  /** The number of the state of the user's that this is, with the changes of others added since. */
  readonly origin: number;
}

export class Snapshots<T> {
  private readonly states = new Map<number, State<T>>();

  add(number: number, value: T, revision: number | null, origin = number): void {
    this.states.set(number, { value, revision, origin });
  }

  get(number: number): State<T> {
    const state = this.states.get(number);
    if (!state) throw new RangeError(`no state ${number}`);
    return state;
  }

  has(number: number): boolean {
    return this.states.has(number);
  }

  /** Delete the states that no view refers to. */
  keepOnly(states: Iterable<ItemStates>): void {
    const used = new Set<number>();
    for (const one of states) for (const number of Object.values(one)) used.add(number);
    for (const number of this.states.keys()) if (!used.has(number)) this.states.delete(number);
  }
}

let next = 1;

/** Return a new number, unique among the states of all collections. */
export function newStateNumber(): number {
  return next++;
}
