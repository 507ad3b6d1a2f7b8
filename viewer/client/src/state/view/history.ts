/** Undo and redo of immutable states. */
export class History<T> {
  private past: T[] = [];
  private future: T[] = [];

  constructor(
    private current: T,
    private readonly limit = 100,
  ) {}

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  /** Add a state. There is nothing to redo afterwards. */
  push(next: T): void {
    if (next === this.current) return;
    this.past.push(this.current);
    if (this.past.length > this.limit) this.past.shift();
    this.current = next;
    this.future = [];
  }

  /** Replace the current state, for example during a drag. */
  replace(next: T): void {
    this.current = next;
  }

  get now(): T {
    return this.current;
  }

  /** Change all states. Neighbours that are then equal become one. */
  rewrite(change: (state: T) => T, same: (one: T, other: T) => boolean): void {
    this.current = change(this.current);
    let nearest = this.current;
    const thinned = (states: T[]) =>
      states
        .map(change)
        .reverse()
        .filter((state) => {
          const differs = !same(state, nearest);
          nearest = state;
          return differs;
        })
        .reverse();
    this.past = thinned(this.past);
    nearest = this.current;
    this.future = thinned(this.future);
  }

  /** Return whether a state can be restored by undo or redo. */
  has(state: T): boolean {
    return state === this.current || this.past.includes(state) || this.future.includes(state);
  }

  /** Go to a state. Returns whether it is in the history. */
  goTo(state: T): boolean {
    if (!this.has(state)) return false;
    while (this.past.includes(state)) this.undo();
    while (this.future.includes(state)) this.redo();
    return true;
  }

  undo(): T | null {
    const previous = this.past.pop();
    if (previous === undefined) return null;
    this.future.push(this.current);
    this.current = previous;
    return previous;
  }

  redo(): T | null {
    const next = this.future.pop();
    if (next === undefined) return null;
    this.past.push(this.current);
    this.current = next;
    return next;
  }

  /** All states, from the oldest to the newest. */
  *states(): Generator<T> {
    yield* this.past;
    yield this.current;
    yield* this.future;
  }
}
