/** The view, the steps that led to it, and the way back and forth between them. */
import type { CellStore } from '../fields/cells';
import { History } from '../view/history';
import type { Made, View } from '../view/view';

export class Timeline {
  view: View = $state.raw() as View;
  canUndo = $state(false);
  canRedo = $state(false);
  /** Steps made through views: who looks on sees a new one from a change of the one before. */
  steps = 0;
  /** Told by a step back or forth that other things are to stand; what it gives back is called once the view is shown. */
  onMade: (made: Made) => () => void = () => () => {};

  private readonly history: History<View>;
  private gesture: symbol | null = null;

  constructor(
    start: View,
    private readonly cells: CellStore,
    /** Called when the page is to follow from one view to the next, which is `view` already. */
    private readonly onShown: (next: View, before: View) => void,
  ) {
    this.view = start;
    this.history = new History(start);
  }

  /**
   * Show a view and remember the one before. Views of one gesture (a drag) are one step back. Wherever a view comes from,
   * what was made stays, unless `made` says otherwise.
   */
  commit(given: View, gesture: symbol | null = null, made: Made = this.view.made): void {
    const next = given.made === made ? given : { ...given, made };
    if (next === this.view) return;
    if (gesture && gesture === this.gesture) this.history.replace(next);
    else {
      this.history.push(next);
      if (!sameView({ ...next, made: this.view.made }, this.view)) this.steps++;
    }
    this.gesture = gesture;
    this.show(next);
    this.cells.keepOnly(this.history.states());
  }

  /** SyncedCollection were made elsewhere: the steps that can come back have them too, and none of them undoes it. */
  remake(change: (made: Made) => Made): void {
    this.history.rewrite((view) => {
      const made = change(view.made);
      return made === view.made ? view : { ...view, made };
    }, sameView);
    this.show(this.history.now);
  }

  /** What was made in every state that can come back. */
  madeStates(): Made[] {
    return Array.from(this.history.states(), (view) => view.made);
  }

  undo(): void {
    this.comeBack(this.history.undo());
  }

  redo(): void {
    this.comeBack(this.history.redo());
  }

  private comeBack(view: View | null): void {
    this.gesture = null;
    if (!view) return;
    this.steps++;
    const settle = view.made === this.view.made ? null : this.onMade(view.made);
    this.show(view);
    settle?.();
  }

  /** Complete the view shown, as no step of its own. */
  amend(next: View): void {
    this.history.replace(next);
    this.show(next);
    this.cells.keepOnly(this.history.states());
  }

  /** Show a view of before again, where its cells are still kept; what was made since stays. Whether it could. */
  revisit(view: View): boolean {
    if (!this.history.has(view)) return false;
    if (view.made === this.view.made) {
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
    key === 'made' ? sameMade(one.made, other.made) : one[key] === other[key],
  );
}

function sameMade(one: Made, other: Made): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
