/** One open dataset on the page: its view, the fields behind it, the selection, the plots of cells. */
import type { Api } from '../../api/client';
import { type ApiError, asApiError, isAbort } from '../../api/error';
import type { Schema } from '../../api/types';
import type { Join, Mode } from '../../canvas/gestures';
import { simplified } from '../../canvas/lasso';
import { CellNames } from '../fields/cellNames.svelte';
import { CellStore } from '../fields/cells';
import type { Coloring } from '../fields/coloring';
import { Fields } from '../fields/fields.svelte';
import { resolveSelection } from '../fields/resolveSelection';
import type { FieldFilter } from '../view/fieldFilter';
import { type Axes, type GeneRef, geneKey, keyOf } from '../view/fieldRef';
import { type Panes, paneSpecs, withActive, withPanes } from '../view/panes';
import { FRONT } from '../view/rotation3d';
import type { SelectionExpression } from '../view/selectionExpression';
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
import { CellSelection } from './cellSelection.svelte';
import { fieldsOf, Pane } from './pane.svelte';
import { type Place, placeOnAxes, readPlace, rotatedPlace } from './place';
import { Timeline } from './timeline.svelte';

/** A category or a set the pointer is on: its cells stand out. */
export type Hovered =
  | { readonly kind: 'category'; readonly key: string; readonly code: number }
  | { readonly kind: 'cells'; readonly ref: CellsRef };

export class Viewer {
  readonly n: number;
  /** The lists of cells that views refer to. */
  readonly cells = new CellStore();
  /** The columns and genes in memory. */
  readonly fields: Fields;
  /** The view and the steps to it. */
  readonly timeline: Timeline;
  readonly selection: CellSelection;
  /** The plots, in reading order. */
  panes = $state.raw<readonly Pane[]>([]);
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

  constructor(
    readonly api: Api,
    readonly schema: Schema,
    start: View = initialView(schema),
  ) {
    this.n = schema.n_obs;
    this.timeline = new Timeline(start, this.cells, (next, before) => this.show(next, before));
    this.fields = new Fields(api, schema, this);
    this.fields.learn(start.genes);
    this.fields.onProvided = (key, field) => {
      if (field) this.refresh(key);
    };
    this.selection = new CellSelection(this);
    this.names = new CellNames(api);
    api.transport.onBusy = (busy) => {
      this.busy = busy;
    };
    api.transport.onLost = (lost) => {
      this.lost = lost;
    };
    api.transport.patient = true;
    this.showPanes();
  }

  get view(): View {
    return this.timeline.view;
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

  /** Show a view as a step that can be undone; views of one gesture are one step. */
  commit(next: View, gesture: symbol | null = null): void {
    this.timeline.commit(next, gesture);
  }

  /** Follow from one view to the next. */
  private show(next: View, before: View): void {
    const rescaled = [...new Set([...Object.keys(before.scales), ...Object.keys(next.scales)])].filter(
      (key) => before.scales[key] !== next.scales[key],
    );
    for (const key of rescaled) this.fields.count(key);
    this.showPanes();
    for (const pane of this.panes) if (rescaled.some((key) => pane.isColored(key))) pane.recolor();
    this.selection.show(next, before);
    this.releaseGenes();
  }

  /** Apply the filter of a field, and the colours by it, to its new values. */
  private refresh(key: string): void {
    if (this.view.filters[key]) this.selection.startFilter(key);
    for (const pane of this.panes) if (pane.isColored(key)) pane.recolor();
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
    this.fields.release((key) => !used.has(key) && !this.panes.some((pane) => pane.uses(key)));
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
    this.fields.abort(gene);
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
    if (next !== this.view) this.timeline.amend(next);
  }

  /** One plot's camera moved: those of the other plots of its embedding go along. */
  follow(moved: Pane): void {
    for (const pane of this.panes) if (pane !== moved) pane.follow(moved);
  }

  chooseMatrix(name: string): void {
    const { color } = this.view;
    const next = { ...this.view, matrix: name };
    this.commit(color.kind === 'gene' ? withColor(next, { ...color, matrix: name }) : next);
  }

  /** Select what the plot worked in has in sight. */
  selectInSight(): void {
    const { scatter } = this.pane;
    if (!scatter) return;
    const { width, height } = scatter.size;
    const [left, top] = scatter.unproject(0, 0);
    const [right, bottom] = scatter.unproject(width, height);
    const within = simplified([left, top, right, top, right, bottom, left, bottom], 1 / scatter.view.scale);
    this.selection.selectWithin(within, this.join);
  }

  /** The cells that an expression selects. */
  resolveSelection(expression: SelectionExpression): Promise<Uint32Array> {
    return resolveSelection(expression, {
      n: this.n,
      place: async (place, rotation) =>
        typeof place === 'string'
          ? rotatedPlace(await readPlace(place, this.api, this.schema), rotation ?? FRONT)
          : placeOnAxes(place, this.fields),
      field: (ref) => this.fields.loadRef(ref),
    });
  }

  scaleOf(key: string): FieldScale | undefined {
    return this.view.scales[key];
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
    this.fields.dispose();
  }
}
