/** A cache of answers by address with a limit of size; the least recently used are removed first. */
export class Cache<T> {
  private readonly entries = new Map<string, { value: Promise<T>; weight: number }>();
  private total = 0;

  constructor(private readonly limit: number) {}

  /** Return the cached answer of a key, or call `make` and cache its answer. Failures are not cached. */
  get(key: string, make: () => Promise<{ value: T; weight: number }>): Promise<T> {
    const cached = this.entries.get(key);
    if (cached) {
      this.entries.delete(key);
      this.entries.set(key, cached);
      return cached.value;
    }
    const made = make();
    const entry = { value: made.then((answer) => answer.value), weight: 0 };
    this.entries.set(key, entry);
    made.then(
      ({ weight }) => {
        if (this.entries.get(key) !== entry) return;
        entry.weight = weight;
        this.total += weight;
        this.shrink(key);
      },
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
      },
    );
    return entry.value;
  }

  private shrink(newest: string): void {
    for (const [key, entry] of this.entries) {
      if (this.total <= this.limit) return;
      if (key === newest || entry.weight === 0) continue;
      this.entries.delete(key);
      this.total -= entry.weight;
    }
  }
}
