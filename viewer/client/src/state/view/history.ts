/** Steps back and forth through immutable states. */
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

  /** A new state, after which there is nothing to redo. */
  push(next: T): void {
    if (next === this.current) return;
    this.past.push(this.current);
    if (this.past.length > this.limit) this.past.shift();
    this.current = next;
    this.future = [];
  }

  /** A state in place of the current one: the running part of a drag, say. */
  replace(next: T): void {
    this.current = next;
  }

  get now(): T {
    return this.current;
  }

  /** Change every state that can come back; of neighbours that are then the same, one stays. */
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

  /** Whether a state can still come back. */
  has(state: T): boolean {
    return state === this.current || this.past.includes(state) || this.future.includes(state);
  }

  /** Go to a state that can still come back; whether there is such a one. */
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

  /** Every state that can still come back, the current one too. */
  *states(): Generator<T> {
    yield* this.past;
    yield this.current;
    yield* this.future;
  }
}
