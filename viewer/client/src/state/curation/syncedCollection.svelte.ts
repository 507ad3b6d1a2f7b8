/**
 * Collections of named items (annotations, gene sets) that the page changes at once and saves on the server afterwards.
 * Each state of an item has a number, which views refer to (`View.itemStates`): undo and redo of the page restore the items too.
 */
import { ApiError } from '../../api/error';
import type { ItemStates, View } from '../view/view';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Saving } from './saving.svelte';
import { newStateNumber, Snapshots } from './snapshots';

/** The current state of an item. */
export interface Synced<T> {
  /** Does not change when the item is renamed. */
  readonly id: string;
  /** The number of its state. */
  readonly number: number;
  readonly value: T;
}

/** The name and the revision that the server has. */
export interface Known {
  readonly name: string;
  readonly revision: number;
}

/** An item as the server lists it. */
export interface Listed<T> extends Known {
  readonly value: T;
}

/** The result of a request: the new revision and, if the answer contains it, the new state. */
export interface Done<T> {
  readonly revision: number;
  readonly value?: T;
}

type Request<T> = (known: Known | null, attempt: number) => Promise<Done<T>>;

/** The requests of one kind of item, and what depends on its items. */
export interface SyncedKind<T> {
  /** The prefix of the ids. */
  readonly kind: 'annotation' | 'geneset';
  /** List the items of the server. */
  fetchAll(): Promise<readonly Listed<T>[]>;
  same(one: T, other: T): boolean;
  /** Restore an item to a revision. */
  restoreItem(value: T, known: Known | null, to: number): Promise<Done<T>>;
  deleteItem(known: Known): Promise<Done<T>>;
  /** Update what depends on an item, before the view is shown. */
  follow?(before: Synced<T> | null, after: Synced<T> | null): void;
  /** Remove what nothing depends on any more, after the view is shown. */
  settle?(before: Synced<T> | null, after: Synced<T> | null): void;
}

export class SyncedCollection<T extends { readonly name: string }> {
  list = $state.raw<readonly Synced<T>[]>([]);
  private readonly snapshots = new Snapshots<T>();
  private readonly known = new Map<string, Known>();
  /** The revisions that this page has caused. */
  private readonly own = new Set<number>();

  constructor(
    private readonly viewer: Viewer,
    private readonly saving: Saving,
    private readonly of: SyncedKind<T>,
  ) {}

  get(id: string): Synced<T> | null {
    return this.list.find((item) => item.id === id) ?? null;
  }

  named(name: string): Synced<T> | null {
    return this.list.find((item) => item.value.name === name) ?? null;
  }

  /** The name and revision of an item on the server; null if it is not there. */
  knownOf(id: string): Known | null {
    return this.known.get(id) ?? null;
  }

  isOwn(revision: number): boolean {
    return this.own.has(revision);
  }

  /** Update the items from the server, but for those with unsaved changes. */
  async refresh(only: string | null = null): Promise<void> {
    const listed = await this.of.fetchAll();
    const left = new Set(this.list.map((item) => item.id));
    for (const entry of listed) {
      const item = this.list.find(({ id, value }) => (this.known.get(id)?.name ?? value.name) === entry.name);
      const id = item?.id ?? `${this.of.kind}:${newStateNumber()}`;
      left.delete(id);
      if ((only !== null && id !== only) || (id !== only && this.saving.isPending(id))) continue;
      this.known.set(id, { name: entry.name, revision: entry.revision });
      if (item && this.of.same(item.value, entry.value) && this.isCurrent(item, entry)) continue;
      this.adopt(id, entry.value, entry.revision);
    }
    for (const id of left) {
      if ((only !== null && id !== only) || (id !== only && this.saving.isPending(id))) continue;
      this.known.delete(id);
      this.adopt(id, null, null);
    }
  }

  /** Return whether an item of the page is at a revision. */
  private isCurrent(item: Synced<T>, { revision }: Known): boolean {
    return this.snapshots.get(item.number).revision === revision;
  }

  /** Adopt a state from the server, which is no step to undo. */
  private adopt(id: string, value: T | null, revision: number | null): void {
    const before = this.get(id);
    const after = value && this.place(id, value, revision);
    if (!after) this.list = this.list.filter((other) => other.id !== id);
    this.of.follow?.(before, after);
    this.viewer.timeline.changeItemStates((itemStates) => withState(itemStates, id, after?.number ?? null));
    this.of.settle?.(before, after);
  }

  /** Put a state into the list. */
  private place(id: string, value: T, revision: number | null, number = newStateNumber()): Synced<T> {
    if (!this.snapshots.has(number)) this.snapshots.add(number, value, revision);
    const item = { id, number, value };
    const at = this.list.findIndex((other) => other.id === id);
    this.list = at < 0 ? [...this.list, item] : this.list.with(at, item);
    return item;
  }

  /** Change an item, or delete it (null), as a step of the user's, and save the change. */
  step(
    id: string,
    value: T | null,
    what: string,
    request: Request<T>,
    /** The change of the view in the same step. */
    viewed: (view: View) => View = (view) => view,
  ): Synced<T> | null {
    const before = this.get(id);
    const number = newStateNumber();
    if (value) this.snapshots.add(number, value, null);
    const after = this.shift(id, value, number);
    this.of.follow?.(before, after);
    const { view } = this.viewer;
    this.viewer.timeline.commit(viewed(view), null, withState(view.itemStates, id, value ? number : null));
    this.of.settle?.(before, after);
    this.send(id, value ? number : null, what, request);
    this.snapshots.keepOnly(this.viewer.timeline.itemStates());
    return after;
  }

  private shift(id: string, value: T | null, number: number): Synced<T> | null {
    if (value) return this.place(id, value, null, number);
    this.list = this.list.filter((other) => other.id !== id);
    return null;
  }

  /** Whether the items are saved on the server; if not, they last as long as the page. */
  isSaved = true;

  private send(id: string, number: number | null, what: string, request: Request<T>): void {
    if (!this.isSaved) return;
    this.saving.add({
      about: id,
      what,
      send: async (attempt) => {
        const { revision, value } = await request(this.knownOf(id), attempt);
        this.own.add(revision);
        if (number === null) {
          this.known.delete(id);
          return;
        }
        if (!this.snapshots.has(number)) return;
        const state = this.snapshots.get(number);
        state.revision = revision;
        this.known.set(id, { name: state.value.name, revision });
        // The answer may contain changes of others. A later change of the item would overwrite them on the page.
        if (value && this.get(id)?.number === number && !this.of.same(state.value, value))
          this.adopt(id, value, revision);
      },
      revert: () => this.refresh(id),
      canRebase: (current) => (current as Known | null)?.name === this.known.get(id)?.name && current !== null,
      rebase: (current) => {
        const { name, revision } = current as Known;
        this.known.set(id, { name, revision });
      },
    });
  }

  /** Restore the states that a view of an undo or redo refers to. The returned function is called once the view is shown. */
  restoreStates(itemStates: ItemStates): () => void {
    const settles: (() => void)[] = [];
    const ids = new Set([...this.list.map((item) => item.id), ...Object.keys(itemStates)]);
    for (const id of ids) {
      if (!id.startsWith(`${this.of.kind}:`)) continue;
      const before = this.get(id);
      const number = itemStates[id] ?? null;
      if (number === (before?.number ?? null)) continue;
      const value = number === null ? null : this.snapshots.get(number).value;
      const after = this.shift(id, value, number ?? newStateNumber());
      this.of.follow?.(before, after);
      settles.push(() => this.of.settle?.(before, after));
      const what = value ? `“${value.name}” as it was before` : `“${before?.value.name ?? ''}” removed`;
      this.send(id, number, what, async (known) => {
        if (number === null || !value) return known ? this.of.deleteItem(known) : { revision: 0 };
        const { revision } = this.snapshots.get(number);
        if (revision === null) {
          throw new ApiError('never_saved', `“${value.name}” was never saved in that state.`, '', 409);
        }
        return this.of.restoreItem(value, known, revision);
      });
    }
    return () => {
      for (const settle of settles) settle();
    };
  }
}

function withState(itemStates: ItemStates, id: string, number: number | null): ItemStates {
  if ((itemStates[id] ?? null) === number) return itemStates;
  const { [id]: _gone, ...others } = itemStates;
  return number === null ? others : { ...others, [id]: number };
}
