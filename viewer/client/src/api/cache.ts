/** Answers kept by address, the longest unused given up first once they weigh too much. */
export class Cache<T> {
  private readonly entries = new Map<string, { value: Promise<T>; weight: number }>();
  private total = 0;

  constructor(private readonly limit: number) {}

  /** The answer kept under a key, else the one `make` gives. A failure is not kept. */
  get(key: string, make: () => Promise<{ value: T; weight: number }>): Promise<T> {
    const kept = this.entries.get(key);
    if (kept) {
      this.entries.delete(key);
      this.entries.set(key, kept);
      return kept.value;
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
