/** The selected cells: those that pass the filters and the lasso of the view, within its subset. */

import type { Selection } from '../../api/types';
import type { Join } from '../../canvas/gestures';
import { lassoCells } from '../../canvas/lasso';
import { type CellStore, cellsOf, combined, selectionOf } from '../fields/cells';
import { categoryName } from '../fields/field';
import type { Fields } from '../fields/fields.svelte';
import { exclude, masked } from '../fields/resolveSelection';
import { selectionName, shortList } from '../fields/selectionName';
import { shownCodes } from '../view/fieldFilter';
import { expressionOf, type SelectionExpression } from '../view/selectionExpression';
import { unoriented } from '../view/tissue';
import { type CellsRef, type View, withoutFilters } from '../view/view';
import type { Place } from './place';

const LASSO = 'lasso';

/** The owner of the selection. */
export interface SelectionHost {
  readonly n: number;
  readonly view: View;
  readonly cells: CellStore;
  readonly fields: Fields;
  /** Coordinates of the cells in the active plot. */
  readonly place: Place | null;
  /** Waits for exact coordinates in place of rounded ones; null if they are exact. */
  exactly(): Promise<void> | null;
  commit(next: View): void;
  fail(error: unknown): void;
}

export class CellSelection {
  /** 1 for the cells of the subset; null: all. */
  readonly subsetMask: Uint8Array | null = $derived.by(() => {
    const { view, n, cells } = this.host;
    if (!view.subset) return null;
    const mask = new Uint8Array(n);
    for (const cell of cells.get(view.subset)) mask[cell] = 1;
    return mask;
  });
  /** Filters that wait for their fields. */
  private readonly applying = new Set<Promise<void>>();

  constructor(private readonly host: SelectionHost) {
    for (const key of Object.keys(host.view.filters)) this.startFilter(key);
  }

  /** 1 for the selected cells; null: all. */
  get mask(): Uint8Array | null {
    return this.host.fields.result.mask;
  }

  /** The number of selected cells. */
  get size(): number {
    return this.host.fields.result.passing;
  }

  /** The selected cells as a request names them; null: all. */
  readonly within: Selection | null = $derived.by(() => {
    const { mask } = this;
    return mask && selectionOf(cellsOf(mask, this.host.n));
  });

  /** The cells of the subset as a request names them; null: all. */
  get subsetWithin(): Selection | null {
    const { view, cells } = this.host;
    return view.subset && selectionOf(cells.get(view.subset));
  }

  /** The number of cells of a set that are in the subset. */
  inSubset(ref: CellsRef): number {
    const { subsetMask } = this;
    if (!subsetMask) return ref.n;
    let n = 0;
    for (const cell of this.host.cells.get(ref)) n += subsetMask[cell] as number;
    return n;
  }

  /** The mask of the selection without the filter of one field: from it, a category of that field is taken. */
  async maskWithout(key: string): Promise<Uint8Array | null> {
    const { view, fields, cells, n } = this.host;
    if (!view.filters[key]) return this.settledMask();
    const mask = this.subsetMask?.slice() ?? new Uint8Array(n).fill(1);
    for (const [other, filter] of Object.entries(view.filters)) {
      if (other !== key) exclude(mask, await fields.load(other), filter);
    }
    if (view.lasso) {
      const inside = masked(cells.get(view.lasso), n);
      for (let cell = 0; cell < n; cell++) if (!inside[cell]) mask[cell] = 0;
    }
    return mask;
  }

  /** Update the filters after a change of the view. */
  show(next: View, before: View): void {
    const { cells, fields } = this.host;
    if (next.subset !== before.subset) fields.crossfilter.restrict(next.subset && cells.get(next.subset));
    if (next.lasso !== before.lasso) {
      fields.crossfilter.setFilter(LASSO, next.lasso && { kind: 'cells', cells: cells.get(next.lasso) });
    }
    for (const key of new Set([...Object.keys(before.filters), ...Object.keys(next.filters)])) {
      if (before.filters[key] !== next.filters[key]) this.startFilter(key);
    }
  }

  /** Apply the filter of a field as soon as the field is loaded. */
  startFilter(key: string): void {
    const applying = this.applyFilter(key).finally(() => this.applying.delete(applying));
    this.applying.add(applying);
  }

  private async applyFilter(key: string): Promise<void> {
    const { fields } = this.host;
    try {
      const field = await fields.load(key);
      const filter = this.host.view.filters[key];
      if (!filter) fields.crossfilter.setFilter(key, null);
      else if (filter.kind === 'range') fields.crossfilter.setFilter(key, { ...filter, missing: false });
      else if (field.kind === 'category') {
        fields.crossfilter.setFilter(key, { kind: 'category', ...shownCodes(filter, field.categories.length) });
      }
    } catch (error) {
      this.host.fail(error);
    }
  }

  /** The mask of the filters of the view, once they are applied: `mask` may still be that of the filters before. */
  async settledMask(): Promise<Uint8Array | null> {
    await Promise.all(this.applying);
    await this.host.fields.crossfilter.settled();
    return this.mask;
  }

  /** The expression that selects the same cells again; null if it would be too long. */
  private get expression(): SelectionExpression | null {
    const { view, fields } = this.host;
    return expressionOf(view.filters, view.lasso, (key) => fields.refOf(key));
  }

  /** Select cells, joined to those of the lasso before. `expression` selects the same cells again. */
  select(cells: Uint32Array, join: Join, expression: SelectionExpression | null = null): void {
    const { view, cells: store, n } = this.host;
    const { lasso } = view;
    const before = lasso && store.get(lasso);
    let chosen = cells;
    let made = expression;
    if (join !== 'replace' && (before || join === 'subtract')) {
      chosen = combined(before ?? cellsOf(null, n), cells, join, n);
      const first = lasso ? (lasso.expression ?? null) : { filters: [] };
      made = first && expression && { join, of: [first, expression] };
    }
    // An empty lasso is a slip of the hand: the selection stays.
    if (chosen.length || join === 'subtract') {
      this.host.commit({ ...view, lasso: chosen.length ? store.add(chosen, made) : null });
    }
  }

  /** Select the cells within a polygon, in the units of the active plot, by their exact coordinates. */
  selectWithin(polygon: readonly number[], join: Join): void {
    const exact = this.host.exactly();
    const { embedding } = this.host.view;
    const select = () => {
      if (this.host.view.embedding === embedding) this.selectInside(polygon, join);
    };
    // what keeps them from being read is reported where they are read
    if (exact) exact.then(select).catch(() => {});
    else this.selectInside(polygon, join);
  }

  private selectInside(polygon: readonly number[], join: Join): void {
    const { place, view } = this.host;
    if (!place) return;
    const { axes, embedding } = view;
    const rotation = place.rotation ? { rotation: place.rotation } : {};
    // The shape is kept in the units of the file, however the tissue is turned.
    const inFile = place.orientation ? unoriented(place.orientation, polygon) : polygon;
    const expression: SelectionExpression | null = axes
      ? { polygon, axes }
      : embedding === null
        ? null
        : { polygon: inFile, embedding, ...rotation };
    this.select(lassoCells(place.x, place.y, polygon), join, expression);
  }

  /** Select the cells that are not selected. */
  async invert(): Promise<void> {
    const mask = await this.settledMask();
    if (!mask) return;
    const { view, cells, n } = this.host;
    const inside = this.subsetMask;
    const others = cellsOf(
      mask.map((passes, cell) => (inside?.[cell] === 0 ? 0 : 1 - passes)),
      n,
    );
    const { expression } = this;
    const made = expression && { not: expression };
    this.host.commit({ ...withoutFilters(view), lasso: others.length ? cells.add(others, made) : null });
  }

  /** Hide all cells but the selected ones. */
  async subset(): Promise<void> {
    const mask = await this.settledMask();
    if (!mask || this.size === 0) return;
    const { view, cells, n } = this.host;
    const { expression } = this;
    const within = view.subset?.expression;
    const made: SelectionExpression | null =
      within && expression ? { join: 'intersect', of: [within, expression] } : view.subset ? null : expression;
    this.host.commit({ ...withoutFilters(view), subset: cells.add(cellsOf(mask, n), made) });
  }

  /** Show all cells again; the cells that were selected stay so, those of the whole subset if there was no selection. */
  showAllCells(): void {
    const { view, cells } = this.host;
    const { subset, lasso } = view;
    if (!subset) return;
    let kept: CellsRef = subset;
    if (lasso) {
      const inside = new Set(cells.get(subset));
      const [within, drawn] = [subset.expression, lasso.expression];
      const made = within && drawn ? { join: 'intersect' as const, of: [within, drawn] as const } : null;
      kept = cells.add(
        cells.get(lasso).filter((cell) => inside.has(cell)),
        made,
      );
    }
    this.host.commit({ ...view, subset: null, lasso: kept });
  }

  /** Make the selected cells one of the two sets to compare. */
  async makeSet(set: 'setA' | 'setB'): Promise<void> {
    const mask = await this.settledMask();
    const { view, cells, fields, n } = this.host;
    const name = selectionName(view, fields.loaded);
    this.host.commit({ ...view, [set]: { ...cells.add(cellsOf(mask, n), this.expression), name } });
  }

  /**
   * Make the selected cells of some categories one of the two sets to compare; a filter of their own field does not count.
   *
   * @param join - how they are joined to the cells of the set before
   */
  async makeSetOfCategories(
    set: 'setA' | 'setB',
    key: string,
    codes: readonly number[],
    join: Join = 'replace',
  ): Promise<void> {
    const { cells, fields, n } = this.host;
    const field = await fields.load(key);
    if (field.kind !== 'category') return;
    const mask = await this.maskWithout(key);
    const wanted = new Set(codes);
    const members: number[] = [];
    for (let cell = 0; cell < n; cell++) {
      if (wanted.has(field.values[cell] as number) && (!mask || mask[cell])) members.push(cell);
    }
    const name = shortList(codes.map((code) => categoryName(field.categories, code, field.without)));
    const ref = mask ? null : fields.refOf(key);
    const expression: SelectionExpression | null = ref && {
      filters: [{ field: ref, kind: 'category', mode: 'only', codes }],
    };
    const before = this.host.view[set];
    if (join === 'replace' || !before || before === 'rest') {
      const made = cells.add(Uint32Array.from(members), expression);
      this.host.commit({ ...this.host.view, [set]: { ...made, name } });
      return;
    }
    const joined = combined(cells.get(before), Uint32Array.from(members), join, n);
    const first = before.expression ?? null;
    const made = cells.add(joined, first && expression && { join, of: [first, expression] });
    const words = { add: ' or ', intersect: ' and ', subtract: ' without ' };
    this.host.commit({ ...this.host.view, [set]: { ...made, name: `${before.name ?? ''}${words[join]}${name}` } });
  }
}
