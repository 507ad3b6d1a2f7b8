/** The user's gene sets. */

import type { GeneSetRestored } from '../../api/contract';
import type { CurationApi } from '../../api/curation';
import type { GeneSetInfo, GeneSetSaved } from '../../api/curationTypes';
import { ApiError } from '../../api/error';
import type { Gene } from '../../api/types';
import { count } from '../../ui/format';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Saving } from './saving.svelte';
import { newStateNumber } from './snapshots';
import {
  type Done,
  type Known,
  type Listed,
  type Synced,
  SyncedCollection,
  type SyncedKind,
} from './syncedCollection.svelte';

export interface GeneSet {
  readonly name: string;
  readonly genes: readonly string[];
  readonly description: string;
}

export type OwnGeneSet = Synced<GeneSet>;

export class GeneSets implements SyncedKind<GeneSet> {
  readonly kind = 'geneset';
  readonly items: SyncedCollection<GeneSet>;
  /** The genes of each set that the dataset does not have, by the name of the set. */
  missing = $state.raw<ReadonlyMap<string, readonly string[]>>(new Map());
  /** The name of the unfolded set. */
  open = $state<string | null>(null);
  /** The names of the last pasted list that no gene has. */
  missed = $state.raw<readonly string[]>([]);

  constructor(
    private readonly viewer: Viewer,
    saving: Saving,
    private readonly api: CurationApi,
  ) {
    this.items = new SyncedCollection(viewer, saving, this);
  }

  get list(): readonly OwnGeneSet[] {
    return this.items.list;
  }

  get(id: string): OwnGeneSet | null {
    return this.items.get(id);
  }

  named(name: string): OwnGeneSet | null {
    return this.items.named(name);
  }

  /** Return the genes of a set that the dataset does not have. */
  missingOf(name: string): readonly string[] {
    return this.missing.get(name) ?? [];
  }

  create(name: string, genes: readonly string[], description = ''): OwnGeneSet | null {
    const value = { name, genes: unique(genes), description };
    return this.items.step(`geneset:${newStateNumber()}`, value, `gene set “${name}”`, async (known, attempt) => {
      try {
        return this.done(name, await this.api.putGeneset(name, content(value), known?.revision ?? null));
      } catch (error) {
        // The first attempt may have been successful, although its answer was lost.
        const current = conflicting(error);
        if (attempt > 1 && current && sameSet(setOf(current), value)) return { revision: current.revision };
        throw error;
      }
    });
  }

  edit(set: OwnGeneSet, change: Partial<GeneSet>): void {
    const value = { ...set.value, ...change, genes: unique(change.genes ?? set.value.genes) };
    if (sameSet(value, set.value)) return;
    this.items.step(set.id, value, `gene set “${value.name}”`, async (known) => {
      if (!known) throw new ApiError('no_geneset', `The gene set “${value.name}” is not on the server.`, '', 404);
      const renamed = known.name === value.name ? {} : { name: value.name };
      return this.done(
        value.name,
        await this.api.putGeneset(known.name, { ...content(value), ...renamed }, known.revision),
      );
    });
  }

  delete(set: OwnGeneSet): void {
    this.items.step(set.id, null, `“${set.value.name}” deleted`, (known) =>
      known ? this.deleteItem(known) : Promise.resolve({ revision: 0 }),
    );
  }

  // By name, for the panels

  get sets(): readonly GeneSet[] {
    return this.list.map(({ value }) => value);
  }

  /** Create a set of the genes in a pasted text; null if there is none. */
  async paste(text: string, title = 'Pasted genes'): Promise<GeneSet | null> {
    const { view, api } = this.viewer;
    const { matrix } = view;
    const names = namesIn(text);
    if (matrix === null || names.length === 0) return null;
    try {
      const found = await api.genesNamed(names, matrix, new AbortController().signal);
      this.missed = found.missing;
      if (found.genes.length === 0) return null;
      const aliases = aliasesOf(found.genes);
      if (aliases.length > 0) {
        this.viewer.notify(`${count(aliases.length)} found by another name`, someOf(aliases).join(', '));
      }
      return this.make(
        title,
        found.genes.map(({ name }) => name),
      );
    } catch (error) {
      this.viewer.fail(error);
      return null;
    }
  }

  /** Create a set. If the name is taken, a number is appended. */
  make(title: string, genes: readonly string[]): GeneSet {
    const set = { name: this.freeName(title), genes: unique(genes), description: '' };
    this.create(set.name, set.genes);
    this.open = set.name;
    return set;
  }

  add(name: string, genes: readonly string[]): void {
    const set = this.named(name);
    if (set) this.edit(set, { genes: [...set.value.genes, ...genes] });
  }

  drop(name: string, gene: string): void {
    const set = this.named(name);
    if (set) this.edit(set, { genes: set.value.genes.filter((other) => other !== gene) });
  }

  /** Rename a set. If the name is taken, a number is appended. */
  rename(name: string, wanted: string): void {
    const title = wanted.trim();
    const set = this.named(name);
    if (!set || !title || title === name) return;
    const renamed = this.freeName(title);
    if (this.open === name) this.open = renamed;
    this.edit(set, { name: renamed });
  }

  remove(name: string): void {
    const set = this.named(name);
    if (set) this.delete(set);
  }

  /** Return a name that no set has. */
  freeName(wanted: string): string {
    const name = wanted.trim() || 'Genes';
    for (let k = 1; ; k++) {
      const candidate = k === 1 ? name : `${name} ${k}`;
      if (!this.named(candidate)) return candidate;
    }
  }

  async fetchAll(): Promise<readonly Listed<GeneSet>[]> {
    const { genesets } = await this.api.genesets();
    this.missing = new Map(genesets.map(({ name, missing }) => [name, missing]));
    return genesets.map((info) => ({ name: info.name, revision: info.revision, item: null, value: setOf(info) }));
  }

  same(one: GeneSet, other: GeneSet): boolean {
    return sameSet(one, other);
  }

  /** Save an earlier state, with the changes of others since; a deleted set is restored. */
  async restoreItem(value: GeneSet, known: Known | null, to: number): Promise<Done<GeneSet>> {
    if (!known) return this.done(value.name, await this.api.restoreGeneset(value.name, to, null));
    const edit = { ...content(value), name: value.name };
    return this.done(value.name, await this.api.putGeneset(known.name, edit, known.revision));
  }

  rebased(base: GeneSet, mine: GeneSet, theirs: GeneSet): GeneSet {
    return rebased(base, mine, theirs);
  }

  deleteItem({ name, revision }: Known): Promise<Done<GeneSet>> {
    return this.api.remove('genesets', name, revision);
  }

  private done(name: string, { revision, geneset }: GeneSetSaved | GeneSetRestored): Done<GeneSet> {
    if (!geneset) return { revision };
    this.missing = new Map(this.missing).set(name, geneset.missing);
    return { revision, value: setOf(geneset) };
  }
}

/** Return the distinct names in a text, separated by lines, spaces, commas or semicolons. */
export function namesIn(text: string): string[] {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim());
  // With one name a line, a name may contain spaces.
  const parts = lines.length > 1 && !lines.some((line) => /[,;\t]/.test(line)) ? lines : text.split(/[\s,;]+/);
  return [...new Set(parts.map((name) => name.trim().replace(/^["']|["']$/g, '')).filter(Boolean))];
}

function unique(genes: readonly string[]): string[] {
  return [...new Set(genes.filter(Boolean))];
}

function content({ genes, description }: GeneSet): { genes: readonly string[]; description: string } {
  return { genes, description };
}

function setOf({ name, genes, description }: GeneSetInfo): GeneSet {
  return { name, genes, description };
}

function sameSet(one: GeneSet, other: GeneSet): boolean {
  return (
    one.name === other.name &&
    one.description === other.description &&
    one.genes.length === other.genes.length &&
    one.genes.every((gene, k) => gene === other.genes[k])
  );
}

/** Return a set with the changes that led from one state of it to another: genes added and removed, name, description. */
export function rebased(base: GeneSet, mine: GeneSet, theirs: GeneSet): GeneSet {
  const [was, now] = [new Set(base.genes), new Set(theirs.genes)];
  const kept = mine.genes.filter((gene) => now.has(gene) || !was.has(gene));
  const added = theirs.genes.filter((gene) => !was.has(gene));
  const of = <K extends 'name' | 'description'>(key: K) => (theirs[key] === base[key] ? mine[key] : theirs[key]);
  return { name: of('name'), genes: unique([...kept, ...added]), description: of('description') };
}

function conflicting(error: unknown): GeneSetInfo | null {
  return error instanceof ApiError && error.status === 412 ? (error.body.current as GeneSetInfo | null) : null;
}

/** Return genes that were found by another name, as “CD45 → PTPRC”. */
export function aliasesOf(genes: readonly Gene[]): string[] {
  return genes.flatMap(({ name, alias }) => (alias === null ? [] : [`${alias} → ${name}`]));
}

/** The limit of names in a note. */
const NOTED = 12;

export function someOf(notes: readonly string[]): readonly string[] {
  return notes.length > NOTED ? [...notes.slice(0, NOTED), `and ${count(notes.length - NOTED)} more`] : notes;
}
