/** The genes that the user has named in the volcano plots of comparisons. */

interface Numbered {
  readonly id: number;
}

export class NamedGenes {
  /** Whether the plot names these genes alone. */
  alone = $state(false);
  /** By the id of the comparison. */
  private names = $state.raw<ReadonlyMap<number, ReadonlySet<string>>>(new Map());

  of({ id }: Numbered): ReadonlySet<string> {
    return this.names.get(id) ?? NONE;
  }

  toggle(comparison: Numbered, gene: string): void {
    const names = new Set(this.of(comparison));
    if (!names.delete(gene)) names.add(gene);
    this.names = new Map(this.names).set(comparison.id, names);
  }

  clear({ id }: Numbered): void {
    const names = new Map(this.names);
    names.delete(id);
    this.names = names;
  }
}

const NONE: ReadonlySet<string> = new Set();
