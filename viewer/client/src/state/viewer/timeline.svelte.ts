/** The current view with its undo and redo steps. */
import type { CellStore } from '../fields/cells';
import { History } from '../view/history';
import type { ItemStates, View } from '../view/view';

export class Timeline {
  view: View = $state.raw() as View;
  canUndo = $state(false);
  canRedo = $state(false);
  /** The number of steps so far; it tells a new step from a change of the last one. */
  steps = 0;
  /** Called when undo or redo change the states of items. The returned function is called once the view is shown. */
  onItemStates: (itemStates: ItemStates) => () => void = () => () => {};

  private readonly history: History<View>;
  private gesture: symbol | null = null;

  constructor(
    start: View,
    private readonly cells: CellStore,
    /** Called after a change of `view`. */
    private readonly onShown: (next: View, before: View) => void,
  ) {
    this.view = start;
    this.history = new History(start);
  }

  /**
   * Show a view as a step that can be undone. Views of one gesture (a drag) are one step. The states of items stay the
   * current ones, unless `itemStates` is given.
   */
  commit(given: View, gesture: symbol | null = null, itemStates: ItemStates = this.view.itemStates): void {
    const next = given.itemStates === itemStates ? given : { ...given, itemStates };
    if (next === this.view) return;
    if (gesture && gesture === this.gesture) this.history.replace(next);
    else {
      this.history.push(next);
      if (!sameView({ ...next, itemStates: this.view.itemStates }, this.view)) this.steps++;
    }
    this.gesture = gesture;
    this.show(next);
    this.cells.keepOnly(this.history.states());
  }

  /** Change all views of the history, so that no step undoes it. */
  changeViews(change: (view: View) => View): void {
    this.history.rewrite(change, sameView);
    this.show(this.history.now);
  }

  /** Return the states of items of all views of the history. */
  itemStates(): ItemStates[] {
    return Array.from(this.history.states(), (view) => view.itemStates);
  }

  undo(): void {
    this.restore(this.history.undo());
  }

  redo(): void {
    this.restore(this.history.redo());
  }

  private restore(view: View | null): void {
    this.gesture = null;
    if (!view) return;
    this.steps++;
    const settle = view.itemStates === this.view.itemStates ? null : this.onItemStates(view.itemStates);
    this.show(view);
    settle?.();
  }

  /** Replace the current view without a new step. */
  amend(next: View): void {
    this.history.replace(next);
    this.show(next);
    this.cells.keepOnly(this.history.states());
  }

  /** Show an earlier view with the current states of items. Returns whether it is in the history. */
  revisit(view: View): boolean {
    if (!this.history.has(view)) return false;
    if (view.itemStates === this.view.itemStates) {
      this.history.goTo(view);
      this.gesture = null;
      this.show(view);
    } else this.commit(view);
    return true;
  }

  private show(next: View): void {
    const before = this.view;
    this.view = next;
    this.canUndo = this.history.canUndo;
    this.canRedo = this.history.canRedo;
    this.onShown(next, before);
  }
}

function sameView(one: View, other: View): boolean {
  return (Object.keys(one) as (keyof View)[]).every((key) =>
    key === 'itemStates' ? sameItemStates(one.itemStates, other.itemStates) : one[key] === other[key],
  );
}

function sameItemStates(one: ItemStates, other: ItemStates): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
