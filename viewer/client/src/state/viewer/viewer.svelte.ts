/** An open dataset on the page: its view, fields, selection and plots of cells. */
import type { Api } from '../../api/client';
import { type ApiError, asApiError, isAbort } from '../../api/error';
import type { Schema } from '../../api/types';
import type { Join, Mode } from '../../canvas/gestures';
import { simplified } from '../../canvas/lasso';
import { CellNames } from '../fields/cellNames.svelte';
import { CellStore } from '../fields/cells';
import type { Coloring } from '../fields/coloring';
import { Fields } from '../fields/fields.svelte';
import { Groupings, groupingKey } from '../fields/groupings.svelte';
import { resolveSelection } from '../fields/resolveSelection';
import { FigureEditing } from '../page/figure.svelte';
import type { FieldFilter } from '../view/fieldFilter';
import { type Axes, type GeneRef, geneKey, keyOf, obsKey } from '../view/fieldRef';
import type { Overlays } from '../view/overlays';
import { type Panes, paneSpecs, withActive, withPanes } from '../view/panes';
import { FRONT } from '../view/rotation3d';
import type { SelectionExpression } from '../view/selectionExpression';
import type { TissueLook } from '../view/tissue';
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
import { Matrices } from './matrices.svelte';
import { fieldsOf, Pane } from './pane.svelte';
import { type Place, placeOnAxes, readPlace, rotatedPlace } from './place';
import { Stored } from './stored.svelte';
import { Timeline } from './timeline.svelte';

/** The category or set under the pointer, whose cells are highlighted. */
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
  /** The error of a busy server. */
  busy = $state.raw<ApiError | null>(null);
  /** Whether the server is unreachable; requests are repeated. */
  lost = $state(false);
  hovered = $state.raw<Hovered | null>(null);
  mode = $state<Mode>('pan');
  /** The selection mode of shapes, unless modifier keys are pressed. */
  join = $state<Join>('replace');
  /** The cell under the pointer and its plot, if there are several plots. */
  pointed = $state.raw<{ readonly cell: number; readonly pane: Pane } | null>(null);
  /** The keys of the two fields of the active plot, and the thresholds that divide their cells; null: none are shown. */
  thresholds = $state.raw<{ readonly keys: readonly [string, string]; readonly at: readonly [number, number] } | null>(
    null,
  );
  /** A note for the user that is no error. */
  notice = $state.raw<{ readonly message: string; readonly hint: string } | null>(null);
  /** Saves a figure with the dataset; null if saving is disabled. */
  saveFigure: ((name: string, figure: Blob) => void) | null = null;
  /** The figure of several panels. */
  readonly figure = new FigureEditing();
  readonly names: CellNames;
  readonly matrices: Matrices;
  readonly groupings: Groupings;
  /** The results that the file has. */
  readonly stored: Stored;

  constructor(
    readonly api: Api,
    readonly schema: Schema,
    start: View = initialView(schema),
  ) {
    this.n = schema.n_obs;
    this.matrices = new Matrices(api, schema);
    this.timeline = new Timeline(start, this.cells, (next, before) => this.show(next, before));
    this.fields = new Fields(api, schema, this);
    this.fields.learn(start.genes);
    this.fields.onProvided = (key, field) => {
      // The row under the pointer may be gone with its category, and then never reports that the pointer left it.
      if (this.hovered?.kind === 'category' && this.hovered.key === key) this.hovered = null;
      if (field) this.refresh(key);
    };
    this.selection = new CellSelection(this);
    this.names = new CellNames(api);
    this.groupings = new Groupings(schema);
    this.stored = new Stored(api);
    const texts = schema.obs.filter(({ kind }) => kind === 'string').map(({ name }) => name);
    this.groupings.texts = () =>
      texts.flatMap((name) => {
        const field = this.fields.get(obsKey(name));
        return field?.kind === 'category' ? [{ name, n: field.categories.length }] : [];
      });
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

  /** The active plot. */
  get pane(): Pane {
    return this.panes[this.view.active] ?? (this.panes[0] as Pane);
  }

  get place(): Place | null {
    return this.pane.place;
  }

  exactly(): Promise<void> | null {
    return this.pane.exactly();
  }

  get coloring(): Coloring {
    return this.pane.coloring;
  }

  /** Whether the work is saved to a history of Galaxy. */
  get inHistory(): boolean {
    return this.schema.features.outputs === true && this.schema.features.finish === true;
  }

  /** The number of cells in the subset. */
  get size(): number {
    return this.view.subset?.n ?? this.n;
  }

  // The view

  /** Show a view as a step that can be undone; views of one gesture are one step. */
  commit(next: View, gesture: symbol | null = null): void {
    this.timeline.commit(next, gesture);
  }

  /** Update fields, plots and selection after a change of the view. */
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

  /** Update the plots from the view. */
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

  /** Release the values of genes that are not in use: each array is as long as the dataset. */
  private releaseGenes(): void {
    const { genes, filters } = this.view;
    const used = new Set([...genes.map(geneKey), ...Object.keys(filters)]);
    this.fields.release((key) => !used.has(key) && !this.panes.some((pane) => pane.uses(key)));
  }

  // Changes of the view

  colorBy(color: ColorBy): void {
    this.commit(withColor(this.view, color));
  }

  colorByGene(gene: string, matrix: string | null = this.view.matrix): void {
    if (matrix) this.colorBy({ kind: 'gene', gene, matrix });
  }

  /** Return whether a field colours the active plot. */
  isColored(key: string): boolean {
    return fieldsOf(this.view.color).some((ref) => keyOf(ref) === key);
  }

  /** Return whether a level of a column colours the active plot. */
  isColoredByLevel(key: string): boolean {
    const { color } = this.view;
    return color.kind === 'level' && keyOf(color.of) === key;
  }

  /** Remove a recent gene; its request is aborted. */
  dropGene(gene: GeneRef): void {
    this.fields.abort(gene);
    this.commit(withoutGene(this.view, gene));
  }

  /** Add recent genes without colouring by them. */
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

  /** Focus the cell nearest to the middle of the active plot. */
  focusMiddle(): void {
    const { scatter } = this.pane;
    if (!scatter) return;
    const { width, height } = scatter.size;
    const cell = scatter.pick(width / 2, height / 2, Math.max(width, height));
    if (cell >= 0) this.focusOn(cell);
  }

  /** Colour by the obsp row of the focused cell. */
  colorByObspRow(obsp: string): void {
    const { focus } = this.view;
    if (focus !== null) this.colorBy({ kind: 'obsp', obsp, cell: focus });
  }

  /** Show the gallery of recent genes, or of the categories of the column that colours the cells (else the first one). */
  showGallery(kind: Gallery['kind']): void {
    const { color } = this.view;
    const { list } = this.groupings;
    const shown = list.find(({ id }) => fieldsOf(color).some((ref) => keyOf(ref) === groupingKey(id))) ?? list[0];
    if (kind === 'sections') this.commit({ ...this.view, gallery: { kind } });
    else if (kind === 'genes' || !shown) this.commit({ ...this.view, gallery: { kind: 'genes' } });
    else this.commit({ ...this.view, gallery: { kind: 'categories', column: shown.id } });
  }

  /** Change how spatial embeddings are shown; the steps of a slider are one gesture. */
  setTissue(change: Partial<TissueLook>, gesture: symbol | null = null): void {
    this.commit({ ...this.view, tissue: { ...this.view.tissue, ...change } }, gesture);
  }

  /** Change the overlays; the steps of a slider are one gesture. */
  setOverlays(change: Partial<Overlays>, gesture: symbol | null = null): void {
    this.commit({ ...this.view, overlays: { ...this.view.overlays, ...change } }, gesture);
  }

  choosePanes(count: Panes): void {
    this.commit(withPanes(this.view, count, this.schema));
  }

  /** Activate a plot, which is no step to undo. */
  activate(active: number): void {
    const next = withActive(this.view, active);
    if (next !== this.view) this.timeline.amend(next);
  }

  /** Move the cameras of the other plots of the same embedding along. */
  follow(moved: Pane): void {
    for (const pane of this.panes) if (pane !== moved) pane.follow(moved);
  }

  chooseMatrix(name: string): void {
    const { color } = this.view;
    const next = { ...this.view, matrix: name };
    // a gene of another modality, such as a protein, is not in this matrix
    const follows =
      color.kind === 'gene' && this.matrices.get(color.matrix)?.modality === this.matrices.get(name)?.modality;
    this.commit(follows ? withColor(next, { ...color, matrix: name }) : next);
  }

  /**
   * Read the scales of the matrices again, and follow the default matrix, which may be another one once all scales are
   * known, unless a gene is shown.
   */
  async refreshMatrices(): Promise<void> {
    const before = this.matrices.byDefault;
    await this.matrices.refresh();
    const { matrix, genes, color } = this.view;
    const { byDefault } = this.matrices;
    if (matrix !== before || matrix === byDefault || genes.length > 0 || color.kind === 'gene') return;
    this.timeline.amend({ ...this.view, matrix: byDefault });
  }

  /** Select the visible cells of the active plot. */
  selectInSight(): void {
    const { scatter } = this.pane;
    if (!scatter) return;
    const { width, height } = scatter.size;
    const [left, top] = scatter.unproject(0, 0);
    const [right, bottom] = scatter.unproject(width, height);
    const within = simplified([left, top, right, top, right, bottom, left, bottom], 1 / scatter.view.scale);
    this.selection.selectWithin(within, this.join);
  }

  /** Resolve a selection expression to its cells. */
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

  /** Show a note. */
  notify(message: string, hint = ''): void {
    this.notice = { message, hint };
  }

  /** Show an error. */
  fail(error: unknown): void {
    if (!isAbort(error)) this.problem = asApiError(error);
  }

  dispose(): void {
    for (const pane of this.panes) pane.dispose();
    this.fields.dispose();
  }
}
