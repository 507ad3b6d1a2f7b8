/**
 * Collections of named items (annotations, gene sets) that the page changes at once and saves on the server afterwards.
 * Each state of an item has a number, which views refer to (`View.itemStates`): undo and redo of the page restore the items too.
 */
import type { Resolve } from '../../api/contract';
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
  /** The revision of the state that the page shows but for its own changes. */
  readonly revision: number;
  /** The revisions of the page's own changes since, between which others may have changed the item. */
  readonly own: readonly number[];
  /** The number of the item on the server; null if it has only a name. */
  readonly item: number | null;
}

/** An item as the server lists it. */
export interface Listed<T> {
  readonly name: string;
  readonly revision: number;
  readonly item: number | null;
  readonly value: T;
}

/** The result of a request: the new revision and, if the answer contains it, the new state. */
export interface Done<T> {
  readonly revision: number;
  readonly value?: T;
  readonly item?: number;
  /** Whether changes of others, which the page does not show yet, are in the new state. */
  readonly merged?: boolean;
  /** Whether the request had an effect; if not, the revision is of another change. */
  readonly changed?: boolean;
}

type Request<T> = (known: Known | null, attempt: number, resolution: Resolve | null) => Promise<Done<T>>;

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
  /** Undo one change of an item, if its kind keeps later ones. Used in place of the two above. */
  revertItem?(name: string, change: number, resolution: Resolve | null): Promise<Done<T>>;
  /** Return `mine` with the changes from `base` to `theirs`. */
  rebased(base: T, mine: T, theirs: T): T;
  /** Note what a state is on the server. */
  learn?(sent: T, answer: T): void;
  /** Update a view for the changes of an item by others. */
  moveView?(view: View, before: T, after: T): View;
  /** Update what depends on an item, before the view is shown; `adopted`: it was changed by others. */
  follow?(before: Synced<T> | null, after: Synced<T> | null, adopted: boolean): void;
  /** Remove what nothing depends on any more, after the view is shown. */
  settle?(before: Synced<T> | null, after: Synced<T> | null): void;
}

/** Return the revisions that a request is based on. */
export function seenOf({ revision, own }: Known): readonly number[] {
  return [revision, ...own];
}

export class SyncedCollection<T extends { readonly name: string }> {
  list = $state.raw<readonly Synced<T>[]>([]);
  private readonly snapshots = new Snapshots<T>();
  private readonly known = new Map<string, Known>();
  /** The revisions that this page has caused. */
  private readonly own = new Set<number>();
  /** The revision of the last change that led from one state to another, by their origins. */
  private readonly changes = new Map<string, number>();

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
      const item = this.list.find((one) => this.isEntry(one, entry));
      const id = item?.id ?? `${this.of.kind}:${newStateNumber()}`;
      left.delete(id);
      if ((only !== null && id !== only) || (id !== only && this.saving.isPending(id))) continue;
      this.known.set(id, { name: entry.name, revision: entry.revision, own: [], item: entry.item });
      if (item && this.of.same(item.value, entry.value) && this.isCurrent(item, entry.revision)) continue;
      this.adopt(id, entry.value, entry.revision);
    }
    for (const id of left) {
      if ((only !== null && id !== only) || (id !== only && this.saving.isPending(id))) continue;
      this.known.delete(id);
      this.adopt(id, null, null);
    }
  }

  /** Return whether an item of the page is that of a list of the server. */
  private isEntry({ id, value }: Synced<T>, entry: Listed<T>): boolean {
    const known = this.known.get(id);
    if (known && known.item !== null && entry.item !== null) return known.item === entry.item;
    return (known?.name ?? value.name) === entry.name;
  }

  /** Return whether an item of the page is at a revision. */
  private isCurrent(item: Synced<T>, revision: number): boolean {
    return this.snapshots.get(item.number).revision === revision;
  }

  /** Adopt a state from the server, which is no step to undo: the changes of others are added to all earlier states. */
  private adopt(id: string, value: T | null, revision: number | null): void {
    const before = this.get(id);
    const origin = before ? this.snapshots.get(before.number).origin : undefined;
    const after = value && this.place(id, value, revision, newStateNumber(), origin);
    if (!after) this.list = this.list.filter((other) => other.id !== id);
    this.of.follow?.(before, after, true);
    const numbers = new Map<number, number>();
    if (before && after) numbers.set(before.number, after.number);
    this.viewer.timeline.changeViews((view) => this.adopted(view, id, before, after, numbers));
    this.of.settle?.(before, after);
  }

  /** Return a view of the history with the changes of others. */
  private adopted(
    view: View,
    id: string,
    before: Synced<T> | null,
    after: Synced<T> | null,
    numbers: Map<number, number>,
  ): View {
    const number = view.itemStates[id];
    if (!before || !after || number === undefined || !this.snapshots.has(number)) {
      const kept = before && after && number === undefined ? null : (after?.number ?? null);
      return withItemStates(view, withState(view.itemStates, id, kept));
    }
    const state = this.snapshots.get(number);
    let now = numbers.get(number);
    if (now === undefined) {
      now = newStateNumber();
      const value = this.of.rebased(before.value, state.value, after.value);
      this.snapshots.add(now, value, state.revision, state.origin);
      numbers.set(number, now);
    }
    const moved = this.of.moveView?.(view, state.value, this.snapshots.get(now).value) ?? view;
    return withItemStates(moved, withState(moved.itemStates, id, now));
  }

  /** Put a state into the list. */
  private place(id: string, value: T, revision: number | null, number: number, origin?: number): Synced<T> {
    if (!this.snapshots.has(number)) this.snapshots.add(number, value, revision, origin);
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
    this.of.follow?.(before, after, false);
    const { view } = this.viewer;
    this.viewer.timeline.commit(viewed(view), null, withState(view.itemStates, id, value ? number : null));
    this.of.settle?.(before, after);
    this.send(id, before, after, what, request);
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

  /** Return the key of the change from one state to another. */
  private changeKey(id: string, from: Synced<T> | null, to: Synced<T> | null): string {
    const [one, other] = [from, to].map((item) => (item ? this.snapshots.get(item.number).origin : 0));
    return `${id} ${one} ${other}`;
  }

  private send(id: string, before: Synced<T> | null, after: Synced<T> | null, what: string, request: Request<T>): void {
    if (!this.isSaved) return;
    const key = this.changeKey(id, before, after);
    let resolution: Resolve | null = null;
    this.saving.add({
      about: id,
      what,
      send: async (attempt) => {
        const known = this.knownOf(id);
        const done = await request(known, attempt, resolution);
        const { revision, value } = done;
        this.own.add(revision);
        // After a lost answer, the change that is there already is most likely that of the first attempt.
        if (done.changed !== false || attempt > 1) this.changes.set(key, revision);
        else this.changes.delete(key);
        if (!after) {
          this.known.delete(id);
          return;
        }
        if (value) this.of.learn?.(after.value, value);
        const item = done.item ?? known?.item ?? null;
        const name = value?.name ?? after.value.name;
        if (this.snapshots.has(after.number)) this.snapshots.get(after.number).revision = revision;
        const isLast = this.get(id)?.number === after.number;
        const merged = done.merged ?? (value !== undefined && !this.of.same(after.value, value));
        if (merged && !isLast && known) {
          this.known.set(id, { name, revision: known.revision, own: [...known.own, revision], item });
          return;
        }
        this.known.set(id, { name, revision, own: [], item });
        // The answer may contain changes of others. A later change of the item would overwrite them on the page.
        if (value && isLast && (merged || !this.of.same(after.value, value))) this.adopt(id, value, revision);
      },
      revert: () => this.refresh(id),
      canRebase: (current) => (current as Known | null)?.name === this.known.get(id)?.name && current !== null,
      rebase: (current) => {
        const { name, revision } = current as Known;
        this.known.set(id, { name, revision, own: [], item: this.known.get(id)?.item ?? null });
      },
      ...(this.of.revertItem
        ? {
            resolve: (choices: Resolve) => {
              resolution = choices;
              return after !== null || choices.mine.length > 0;
            },
          }
        : {}),
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
      this.of.follow?.(before, after, false);
      settles.push(() => this.of.settle?.(before, after));
      const what = value ? `“${value.name}” as it was before` : `“${before?.value.name ?? ''}” removed`;
      const key = this.changeKey(id, after, before);
      const name = (before ?? after)?.value.name ?? '';
      this.send(id, before, after, what, (known, _attempt, resolution) =>
        this.undone(this.changes.get(key) ?? null, known?.name ?? name, value, number, known, resolution),
      );
    }
    return () => {
      for (const settle of settles) settle();
    };
  }

  /** Undo a change on the server. */
  private async undone(
    change: number | null,
    name: string,
    value: T | null,
    number: number | null,
    known: Known | null,
    resolution: Resolve | null,
  ): Promise<Done<T>> {
    if (number === null || !value) {
      if (!known) return { revision: 0 };
      return this.of.deleteItem(resolution ? { ...known, revision: resolution.revision, own: [] } : known);
    }
    if (this.of.revertItem && change !== null) return this.of.revertItem(name, change, resolution);
    const { revision } = this.snapshots.get(number);
    if (revision === null || this.of.revertItem) {
      throw new ApiError('never_saved', `“${value.name}” was never saved in that state.`, '', 409);
    }
    return this.of.restoreItem(value, known, revision);
  }
}

function withItemStates(view: View, itemStates: ItemStates): View {
  return view.itemStates === itemStates ? view : { ...view, itemStates };
}

function withState(itemStates: ItemStates, id: string, number: number | null): ItemStates {
  if ((itemStates[id] ?? null) === number) return itemStates;
  const { [id]: _gone, ...others } = itemStates;
  return number === null ? others : { ...others, [id]: number };
}
