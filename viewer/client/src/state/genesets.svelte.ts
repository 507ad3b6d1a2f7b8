/** Gene sets: lists of genes with a name, to colour by their mean or score, to plot and to add to. */
import type { Viewer } from './viewer.svelte';

export interface GeneSet {
  readonly name: string;
  readonly genes: readonly string[];
}

/** Where gene sets are kept. */
export interface GeneSetKeeper {
  load(): Promise<readonly GeneSet[]>;
  /** Keep a set; the name is new, or that of the set it takes the place of. */
  put(set: GeneSet): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Keeps the sets of a dataset in the browser. */
export class LocalKeeper implements GeneSetKeeper {
  private readonly key: string;

  constructor(fingerprint: string) {
    this.key = `starcyte.genesets.${fingerprint}`;
  }

  async load(): Promise<readonly GeneSet[]> {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.key) ?? '[]');
      return Array.isArray(kept) ? kept.filter(isGeneSet) : [];
    } catch {
      // A frame of another origin may be refused its storage: then sets last as long as the page.
      return [];
    }
  }

  async put(set: GeneSet): Promise<void> {
    const others = (await this.load()).filter(({ name }) => name !== set.name);
    this.write([...others, set]);
  }

  async remove(name: string): Promise<void> {
    this.write((await this.load()).filter((set) => set.name !== name));
  }

  private write(sets: readonly GeneSet[]): void {
    try {
      localStorage.setItem(this.key, JSON.stringify(sets));
    } catch {
      // As above.
    }
  }
}

function isGeneSet(value: unknown): value is GeneSet {
  if (typeof value !== 'object' || value === null) return false;
  const { name, genes } = value as Partial<GeneSet>;
  return typeof name === 'string' && Array.isArray(genes) && genes.every((gene) => typeof gene === 'string');
}

export class GeneSets {
  sets = $state.raw<readonly GeneSet[]>([]);
  /** The set shown with its genes. */
  open = $state<string | null>(null);
  /** Names of the list pasted last that no gene has. */
  missed = $state.raw<readonly string[]>([]);

  constructor(
    private readonly viewer: Viewer,
    private readonly keeper: GeneSetKeeper,
  ) {
    void this.attempt(async () => {
      this.sets = await keeper.load();
    });
  }

  get(name: string): GeneSet | undefined {
    return this.sets.find((set) => set.name === name);
  }

  /** Make a set of the genes that a pasted text names; null where it names none. */
  async paste(text: string, title = 'Pasted genes'): Promise<GeneSet | null> {
    const { matrix } = this.viewer.view;
    const names = namesIn(text);
    if (matrix === null || names.length === 0) return null;
    const found = await this.attempt(() => this.viewer.api.genesNamed(names, matrix, new AbortController().signal));
    if (!found) return null;
    this.missed = found.missing;
    if (found.genes.length === 0) return null;
    return this.make(
      title,
      found.genes.map(({ name }) => name),
    );
  }

  /** Make a set, with another name where there is one of this name. */
  make(title: string, genes: readonly string[]): GeneSet {
    const set = { name: this.freeName(title), genes: [...new Set(genes)] };
    this.sets = [...this.sets, set];
    this.open = set.name;
    void this.attempt(() => this.keeper.put(set));
    return set;
  }

  add(name: string, genes: readonly string[]): void {
    this.change(name, (set) => ({ ...set, genes: [...new Set([...set.genes, ...genes])] }));
  }

  drop(name: string, gene: string): void {
    this.change(name, (set) => ({ ...set, genes: set.genes.filter((other) => other !== gene) }));
  }

  /** Give a set another name; one that is taken is numbered. */
  rename(name: string, wanted: string): void {
    const title = wanted.trim();
    const set = this.get(name);
    if (!set || !title || title === name) return;
    const renamed = { ...set, name: this.freeName(title) };
    this.sets = this.sets.map((other) => (other === set ? renamed : other));
    if (this.open === name) this.open = renamed.name;
    void this.attempt(async () => {
      await this.keeper.put(renamed);
      await this.keeper.remove(name);
    });
  }

  remove(name: string): void {
    this.sets = this.sets.filter((set) => set.name !== name);
    void this.attempt(() => this.keeper.remove(name));
  }

  private change(name: string, how: (set: GeneSet) => GeneSet): void {
    const set = this.get(name);
    if (!set) return;
    const changed = how(set);
    this.sets = this.sets.map((other) => (other === set ? changed : other));
    void this.attempt(() => this.keeper.put(changed));
  }

  private freeName(title: string): string {
    for (let k = 1; ; k++) {
      const name = k === 1 ? title : `${title} ${k}`;
      if (!this.get(name)) return name;
    }
  }

  private async attempt<T>(what: () => Promise<T>): Promise<T | undefined> {
    try {
      return await what();
    } catch (error) {
      this.viewer.fail(error);
      return undefined;
    }
  }
}

/** The names in a text, one a line or with spaces, commas or semicolons between; each once. */
export function namesIn(text: string): string[] {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim());
  // A name may hold a space where each stands on a line of its own.
  const parts = lines.length > 1 && !lines.some((line) => /[,;\t]/.test(line)) ? lines : text.split(/[\s,;]+/);
  return [...new Set(parts.map((name) => name.trim().replace(/^["']|["']$/g, '')).filter(Boolean))];
}
