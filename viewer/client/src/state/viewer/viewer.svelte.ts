/** Everything one open dataset is to the page: the view, the arrays behind it, and what follows when the view changes. */
import type { Api } from '../../api/client';
import { type ApiError, asApiError, isAbort } from '../../api/error';
import type { Schema } from '../../api/types';
import type { Join, Mode } from '../../canvas/gestures';
import { lassoCells, simplified } from '../../canvas/lasso';
import { CellNames } from '../fields/cellNames.svelte';
import { cellsOf, combined } from '../fields/cells';
import type { Coloring } from '../fields/coloring';
import { categoryName, type FieldData } from '../fields/field';
import { resolveSelection } from '../fields/resolveSelection';
import { selectionName } from '../fields/selectionName';
import { type FieldFilter, shownCodes } from '../view/fieldFilter';
import { type Axes, type GeneRef, geneKey, keyOf } from '../view/fieldRef';
import { type Panes, paneSpecs, withActive, withPanes } from '../view/panes';
import { FRONT } from '../view/rotation3d';
import { expressionOf, type SelectionExpression } from '../view/selectionExpression';
import {
  type CellsRef,
  type ColorBy,
  type FieldScale,
  type Gallery,
  initialView,
  type View,
  withColor,
  withFilter,
  withFocus,
  withGenes,
  withoutFilters,
  withoutGene,
  withPin,
  withScale,
} from '../view/view';
import { fieldsOf, isSpatial, Pane, type Place, placeOf, placeOnAxes, rotatedPlace } from './pane.svelte';
import { Timeline } from './timeline.svelte';

const LASSO = 'lasso';

/** A category or a set the pointer is on: its cells stand out. */
export type Hovered =
  | { readonly kind: 'category'; readonly key: string; readonly code: number }
  | { readonly kind: 'cells'; readonly ref: CellsRef };

export class Viewer extends Timeline {
  /** The plots, in reading order. */
  panes = $state.raw<readonly Pane[]>([]);
  /** 1 for the cells that there are for now; null: all. */
  readonly subsetMask: Uint8Array | null = $derived.by(() => {
    const { subset } = this.view;
    if (!subset) return null;
    const mask = new Uint8Array(this.n);
    for (const cell of this.cells.get(subset)) mask[cell] = 1;
    return mask;
  });
  problem = $state.raw<ApiError | null>(null);
  /** What a server said that has too much to do. */
  busy = $state.raw<ApiError | null>(null);
  /** Whether no server answers: what was asked is asked again until one does. */
  lost = $state(false);
  hovered = $state.raw<Hovered | null>(null);
  mode = $state<Mode>('pan');
  /** How a shape drawn joins the cells chosen before, where no key says otherwise. */
  join = $state<Join>('replace');
  /** The cell the pointer is on, and the plot it is in; of several plots alone. */
  pointed = $state.raw<{ readonly cell: number; readonly pane: Pane } | null>(null);
  /** What the user is told that is no trouble. */
  told = $state.raw<{ readonly message: string; readonly hint: string } | null>(null);
  /** Keeps a figure with the dataset; null where nothing can be kept. */
  saveFigure: ((name: string, figure: Blob) => void) | null = null;
  readonly names: CellNames;
  private readonly applying = new Set<Promise<void>>();
  constructor(api: Api, schema: Schema, start: View = initialView(schema)) {
    super(api, schema, start);
    this.names = new CellNames(api);
    this.learn(start.genes);
    api.transport.onBusy = (busy) => {
      this.busy = busy;
    };
    api.transport.onLost = (lost) => {
      this.lost = lost;
    };
    api.transport.patient = true;
    this.showPanes();
    for (const key of Object.keys(start.filters)) this.startFilter(key);
  }

  /** The plot the user works in. */
  get pane(): Pane {
    return this.panes[this.view.active] ?? (this.panes[0] as Pane);
  }

  get place(): Place | null {
    return this.pane.place;
  }

  get coloring(): Coloring {
    return this.pane.coloring;
  }

  /** Whether what is made lands in a history of Galaxy. */
  get inHistory(): boolean {
    return this.schema.features.outputs === true && this.schema.features.finish === true;
  }

  /** Cells that there are for now. */
  get size(): number {
    return this.view.subset?.n ?? this.n;
  }

  // The view

  protected shown(next: View, before: View): void {
    const rescaled = [...new Set([...Object.keys(before.scales), ...Object.keys(next.scales)])].filter(
      (key) => before.scales[key] !== next.scales[key],
    );
    for (const key of rescaled) this.count(key);
    this.showPanes();
    for (const pane of this.panes) if (rescaled.some((key) => pane.isColored(key))) pane.recolor();
    if (next.subset !== before.subset) this.crossfilter.restrict(next.subset && this.cells.get(next.subset));
    if (next.lasso !== before.lasso) {
      this.crossfilter.setFilter(LASSO, next.lasso && { kind: 'cells', cells: this.cells.get(next.lasso) });
    }
    for (const key of new Set([...Object.keys(before.filters), ...Object.keys(next.filters)])) {
      if (before.filters[key] !== next.filters[key]) this.startFilter(key);
    }
    this.releaseGenes();
  }

  /** Have each plot show what the view says. */
  private showPanes(): void {
    const specs = paneSpecs(this.view);
    if (specs.length !== this.panes.length) {
      for (const pane of this.panes.slice(specs.length)) pane.dispose();
      this.panes = specs.map((_, k) => this.panes[k] ?? new Pane(this));
    }
    specs.forEach((spec, k) => {
      this.panes[k]?.show(spec);
    });
  }

  /** Give up the arrays of genes that are neither listed, nor colours, nor filters: each is as long as the dataset. */
  private releaseGenes(): void {
    const { genes, filters } = this.view;
    const used = new Set([...genes.map(geneKey), ...Object.keys(filters)]);
    this.release((key) => !used.has(key) && !this.panes.some((pane) => pane.uses(key)));
  }

  // What the user does

  colorBy(color: ColorBy): void {
    this.commit(withColor(this.view, color));
  }

  colorByGene(gene: string, matrix: string | null = this.view.matrix): void {
    if (matrix) this.colorBy({ kind: 'gene', gene, matrix });
  }

  /** Whether the plot worked in has the colours of a field. */
  isColored(key: string): boolean {
    return fieldsOf(this.view.color).some((ref) => keyOf(ref) === key);
  }

  /** Take a gene off the list; one that is still being read is given up. */
  dropGene(gene: GeneRef): void {
    this.reads.get(geneKey(gene))?.abort();
    this.commit(withoutGene(this.view, gene));
  }

  /** Put genes in the list without colouring by them. */
  listGenes(genes: readonly GeneRef[]): void {
    this.commit(withGenes(this.view, genes));
  }

  pin(gene: GeneRef, pinned: boolean): void {
    this.commit(withPin(this.view, gene, pinned));
  }

  scale(key: string, scale: FieldScale): void {
    this.commit(withScale(this.view, key, scale));
  }

  filter(key: string, filter: FieldFilter | null, gesture: symbol | null = null): void {
    this.commit(withFilter(this.view, key, filter), gesture);
  }

  clearFilters(): void {
    this.commit(withoutFilters(this.view));
  }

  chooseEmbedding(name: string): void {
    this.commit({ ...this.view, embedding: name, axes: null });
  }

  /** Plot one field against another in place of an embedding. */
  chooseAxes(axes: Axes | null): void {
    this.commit({ ...this.view, axes });
  }

  /** Focus a cell, or none. */
  focusOn(cell: number | null): void {
    if (cell !== this.view.focus) this.commit(withFocus(this.view, cell));
  }

  /** Focus the cell nearest to the middle of the plot worked in. */
  focusMiddle(): void {
    const { scatter } = this.pane;
    if (!scatter) return;
    const { width, height } = scatter.size;
    const cell = scatter.pick(width / 2, height / 2, Math.max(width, height));
    if (cell >= 0) this.focusOn(cell);
  }

  /** Colour by what the focused cell is to the others. */
  colorByObspRow(obsp: string): void {
    const { focus } = this.view;
    if (focus !== null) this.colorBy({ kind: 'obsp', obsp, cell: focus });
  }

  /** Show small pictures of genes, or of the categories of the column shown (else the first that has any). */
  showGallery(kind: Gallery['kind']): void {
    const { color } = this.view;
    const columns = this.schema.obs.filter(({ kind: is, n_categories: n }) => is === 'categorical' && (n ?? 0) > 1);
    const shown = columns.find(({ name }) => color.kind === 'obs' && name === color.column) ?? columns[0];
    if (kind === 'genes' || !shown) this.commit({ ...this.view, gallery: { kind: 'genes' } });
    else this.commit({ ...this.view, gallery: { kind: 'categories', column: shown.name } });
  }

  choosePanes(count: Panes): void {
    this.commit(withPanes(this.view, count, this.schema));
  }

  /** Work in one of the plots. That alone is no step to undo. */
  activate(active: number): void {
    const next = withActive(this.view, active);
    if (next !== this.view) this.amend(next);
  }

  /** One plot's camera moved: those of the other plots of its embedding go along. */
  follow(moved: Pane): void {
    for (const pane of this.panes) if (pane !== moved) pane.follow(moved);
  }

  /** Go on with the selected cells alone. */
  async subset(): Promise<void> {
    const mask = await this.settledMask();
    if (!mask || this.result.passing === 0) return;
    const expression = this.selectionExpression();
    const { subset } = this.view;
    const within = subset?.expression;
    const made: SelectionExpression | null =
      within && expression ? { join: 'intersect', of: [within, expression] } : subset ? null : expression;
    this.commit({ ...withoutFilters(this.view), subset: this.cells.add(cellsOf(mask, this.n), made) });
  }

  /** Go back to all cells. */
  leaveSubset(): void {
    this.commit({ ...this.view, subset: null });
  }

  chooseMatrix(name: string): void {
    const { color } = this.view;
    const next = { ...this.view, matrix: name };
    this.commit(color.kind === 'gene' ? withColor(next, { ...color, matrix: name }) : next);
  }

  /** Select cells, joined to the cells chosen before. `expression` says how they were found. */
  selectCells(cells: Uint32Array, join: Join, expression: SelectionExpression | null = null): void {
    const { lasso } = this.view;
    const before = lasso && this.cells.get(lasso);
    let chosen = cells;
    let made = expression;
    if (join !== 'replace' && (before || join === 'subtract')) {
      chosen = combined(before ?? cellsOf(null, this.n), cells, join, this.n);
      const first = lasso ? (lasso.expression ?? null) : { filters: [] };
      made = first && expression && { join, of: [first, expression] };
    }
    // A lasso around nothing is a slip of the hand: what was selected before stays.
    if (chosen.length || join === 'subtract') {
      this.commit({ ...this.view, lasso: chosen.length ? this.cells.add(chosen, made) : null });
    }
  }

  /** Select the cells within a polygon, in the units of the embedding shown. */
  selectWithin(polygon: readonly number[], join: Join): void {
    const { place } = this;
    if (!place) return;
    const { axes, embedding } = this.view;
    const rotation = place.rotation ? { rotation: place.rotation } : {};
    const expression: SelectionExpression | null = axes
      ? { polygon, axes }
      : embedding === null
        ? null
        : { polygon, embedding, ...rotation };
    this.selectCells(lassoCells(place.x, place.y, polygon), join, expression);
  }

  /** Select what the plot worked in has in sight. */
  selectInSight(): void {
    const { scatter } = this.pane;
    if (!scatter) return;
    const { width, height } = scatter.size;
    const [left, top] = scatter.unproject(0, 0);
    const [right, bottom] = scatter.unproject(width, height);
    const within = simplified([left, top, right, top, right, bottom, left, bottom], 1 / scatter.view.scale);
    this.selectWithin(within, this.join);
  }

  /** Select what is not selected. */
  async invert(): Promise<void> {
    const mask = await this.settledMask();
    if (!mask) return;
    const inside = this.subsetMask;
    const others = cellsOf(
      mask.map((passes, cell) => (inside?.[cell] === 0 ? 0 : 1 - passes)),
      this.n,
    );
    const expression = this.selectionExpression();
    const made = expression && { not: expression };
    this.commit({ ...withoutFilters(this.view), lasso: others.length ? this.cells.add(others, made) : null });
  }

  /** Keep the cells selected now as one of the two sets to compare. */
  async setFromSelection(set: 'setA' | 'setB'): Promise<void> {
    const mask = await this.settledMask();
    const name = selectionName(this.view, this.fields);
    const expression = this.selectionExpression();
    this.commit({ ...this.view, [set]: { ...this.cells.add(cellsOf(mask, this.n), expression), name } });
  }

  /** How the cells selected now are found again; null where that takes too many words. */
  private selectionExpression(): SelectionExpression | null {
    return expressionOf(this.view.filters, this.view.lasso, (key) => this.refOf(key));
  }

  /** Find the cells of a expression. */
  resolveSelection(expression: SelectionExpression): Promise<Uint32Array> {
    return resolveSelection(expression, {
      n: this.n,
      place: async (place, rotation) =>
        typeof place === 'string'
          ? rotatedPlace(await this.readPlace(place), rotation ?? FRONT)
          : placeOnAxes(place, this),
      field: (ref) => this.loadRef(ref),
    });
  }

  /** Keep the cells of a category, whatever is selected, as one of the two sets. */
  async setFromCategory(set: 'setA' | 'setB', key: string, code: number): Promise<void> {
    const field = await this.load(key);
    if (field.kind !== 'category') return;
    const cells: number[] = [];
    for (let cell = 0; cell < this.n; cell++) if (field.values[cell] === code) cells.push(cell);
    const name = categoryName(field.categories, code);
    const ref = this.refOf(key);
    const expression: SelectionExpression | null = ref && {
      filters: [{ field: ref, kind: 'category', mode: 'only', codes: [code] }],
    };
    this.commit({ ...this.view, [set]: { ...this.cells.add(Uint32Array.from(cells), expression), name } });
  }

  /** What passes the filters of the view: the result shown may still be that of the filters before. */
  async settledMask(): Promise<Uint8Array | null> {
    await Promise.all(this.applying);
    await this.crossfilter.settled();
    return this.result.mask;
  }

  scaleOf(key: string): FieldScale | undefined {
    return this.view.scales[key];
  }

  protected provided(key: string, field: FieldData | null): void {
    if (field && this.view.filters[key]) this.startFilter(key);
    for (const pane of this.panes) if (field && pane.isColored(key)) pane.recolor();
  }

  private startFilter(key: string): void {
    const applying = this.applyFilter(key).finally(() => this.applying.delete(applying));
    this.applying.add(applying);
  }

  private async applyFilter(key: string): Promise<void> {
    try {
      const field = await this.load(key);
      const filter = this.view.filters[key];
      if (!filter) this.crossfilter.setFilter(key, null);
      else if (filter.kind === 'range') this.crossfilter.setFilter(key, { ...filter, missing: false });
      else if (field.kind === 'category') {
        this.crossfilter.setFilter(key, { kind: 'category', ...shownCodes(filter, field.categories.length) });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  // The plot

  async readPlace(name: string): Promise<Place> {
    const solid = this.schema.embeddings.some((one) => one.name === name && one.dims === 3);
    const answer = await this.api.embedding(name, solid ? '0,1,2' : undefined);
    const [x, y, z] = answer.columns.map((column) => (column.layout === 'string' ? [] : column.dense()));
    const n = x?.length ?? 0;
    const onY = y ? upright(name, y) : new Float32Array(n);
    return placeOf(name, new Float32Array(x ?? []), onY, z ? new Float32Array(z) : null);
  }

  /** Tell the user something that takes no answer. */
  tell(message: string, hint = ''): void {
    this.told = { message, hint };
  }

  /** Tell the user what went wrong. */
  fail(error: unknown): void {
    if (!isAbort(error)) this.problem = asApiError(error);
  }

  dispose(): void {
    for (const pane of this.panes) pane.dispose();
    this.crossfilter.dispose();
  }
}

/** Places in an image are counted from its upper edge down, and so they are drawn. */
function upright(name: string, y: ArrayLike<number>): Float32Array {
  const copy = new Float32Array(y);
  return isSpatial(name) ? copy.map((value) => -value) : copy;
}
