/** A plot of the page: its coordinates, colours and camera. */
import type { Api } from '../../api/client';
import { isAbort } from '../../api/error';
import { LatestRequest } from '../../api/latestRequest';
import { sleep } from '../../api/sleep';
import type { Schema } from '../../api/types';
import type { View as Look } from '../../canvas/camera';
import type { Scatter } from '../../canvas/scatter';
import { stepwise } from '../../canvas/steps';
import type { BackdropImage } from '../../canvas/webgl/backdrop';
import { type Coloring, coloringSteps, PLAIN, pairColoring } from '../fields/coloring';
import type { FieldData } from '../fields/field';
import type { Fields } from '../fields/fields.svelte';
import { type Axes, type FieldRef, keyOf } from '../view/fieldRef';
import { OBLIQUE, type Rotation, rotatedBy, rounded } from '../view/rotation3d';
import type { Camera } from '../view/savedView';
import type { ColorBy, FieldScale, PaneSpec, View } from '../view/view';
import type { CellSelection } from './cellSelection.svelte';
import { orientedPlace, type Place, placeOnAxes, readPlace, rotatedPlace } from './place';
import { readTissue } from './tissueImage';

/** The source of the data of a pane. */
export interface Source {
  readonly fields: Pick<Fields, 'loadRef'>;
  readonly selection: Pick<CellSelection, 'subsetMask'>;
  readonly view: Pick<View, 'tissue'>;
  scaleOf(key: string): FieldScale | undefined;
  fail(error: unknown): void;
  readonly schema: Schema;
  readonly api: Api;
}

export class Pane {
  /** Ends once exact coordinates have replaced rounded ones; null if none are awaited. */
  private refined: Promise<void> | null = null;
  private hurry: () => void = () => {};
  private whole = $state.raw<Place | null>(null);
  /** The rotation of an embedding of three columns. */
  rotation = $state.raw<Rotation>(OBLIQUE);
  private readonly turns = $derived.by(() => this.source.view.tissue.turns);
  private readonly flipped = $derived.by(() => this.source.view.tissue.flipped);
  /** The coordinates as the tissue is turned. */
  private readonly oriented: Place | null = $derived.by(() => {
    const { whole, turns, flipped } = this;
    return whole && orientedPlace(whole, this.source.schema, { turns, flipped });
  });
  /** The coordinates before rotation; NaN for cells outside the subset. */
  readonly unrotated: Place | null = $derived.by(() => {
    const whole = this.oriented;
    const mask = this.source.selection.subsetMask;
    if (!whole || !mask) return whole;
    const x = whole.x.slice();
    for (let cell = 0; cell < x.length; cell++) if (!mask[cell]) x[cell] = Number.NaN;
    return { ...whole, x };
  });
  /** The coordinates after rotation. */
  readonly place: Place | null = $derived.by(() => {
    const { unrotated } = this;
    return unrotated && rotatedPlace(unrotated, this.rotation);
  });
  /** The bytes of the coordinates that have arrived, while the plot waits for them. */
  arriving = $state.raw<{ readonly received: number; readonly total: number } | null>(null);
  coloring = $state.raw<Coloring>(PLAIN);
  busy = $state(false);
  scatter = $state.raw<Scatter | null>(null);
  /** The positions of names that the user has moved, in data units, by `pinKey`. */
  pins = $state.raw<ReadonlyMap<string, readonly [number, number]>>(new Map());
  /** The number of cells with coordinates; null before they are loaded. */
  nDrawn = $state<number | null>(null);
  /** The covered pixels of the plot. */
  covered = { above: 0, below: 0, left: 0 };
  private spec: PaneSpec | null = null;
  private readonly placeRequest = new LatestRequest();
  private readonly coloringRequest = new LatestRequest();
  /** The embedding whose coordinates the plot has. */
  private embedding: string | null = null;
  /** The camera to apply once an embedding is loaded. */
  private wanted: { readonly camera: Camera; readonly embedding: string } | null = null;
  /** The last camera that showed all cells. */
  private shown: Camera | null = null;

  constructor(private readonly source: Source) {}

  // Data

  show(spec: PaneSpec): void {
    const before = this.spec;
    this.spec = spec;
    if (spec.embedding !== before?.embedding || spec.axes !== before?.axes) void this.showPlace(spec);
    if (spec.color !== before?.color) void this.showColor(spec.color);
  }

  /** Compute the colours again, after a change of their field. */
  recolor(): void {
    if (this.spec) void this.showColor(this.spec.color);
  }

  /** Return whether the plot shows a field. */
  uses(key: string): boolean {
    const axes = this.spec?.axes;
    return this.isColored(key) || (axes ? [axes.x, axes.y].some((ref) => keyOf(ref) === key) : false);
  }

  isColored(key: string): boolean {
    return this.spec !== null && fieldsOf(this.spec.color).some((ref) => keyOf(ref) === key);
  }

  dispose(): void {
    this.placeRequest.cancel();
    this.coloringRequest.cancel();
  }

  private async showPlace({ embedding, axes }: PaneSpec): Promise<void> {
    if (embedding === null && !axes) return;
    // The picture first: over a slow line with rounded coordinates, which the exact ones replace later.
    const coarse = embedding !== null && !axes && this.source.api.transport.isSlow;
    this.arriving = { received: 0, total: 0 };
    try {
      const place = await this.placeRequest.run(() => this.read(embedding, axes, coarse));
      if (!place) return;
      this.whole = place;
      this.arriving = null;
      if (!coarse) return;
      const refined = this.refine(embedding, axes);
      this.refined = refined;
      try {
        await refined;
      } finally {
        if (this.refined === refined) this.refined = null;
      }
    } catch (error) {
      if (isAbort(error)) return;
      this.arriving = null;
      this.source.fail(error);
    }
  }

  /** Replace rounded coordinates by the exact ones: after a while, or once they are needed. */
  private async refine(embedding: string | null, axes: Axes | null): Promise<void> {
    const needed = new Promise<void>((resolve) => {
      this.hurry = resolve;
    });
    const exact = await this.placeRequest.run(async (signal) => {
      await Promise.race([sleep(REFINED_AFTER, signal), needed]);
      return this.read(embedding, axes, false);
    });
    if (!exact) return;
    const { camera } = this;
    if (camera && embedding !== null) this.wanted = { camera, embedding };
    this.whole = exact;
  }

  /** Fetch the exact coordinates now if rounded ones are shown, and wait for them; null if they are exact. */
  exactly(): Promise<void> | null {
    this.hurry();
    return this.refined;
  }

  private read(embedding: string | null, axes: Axes | null, coarse: boolean): Promise<Place | null> {
    if (axes) return placeOnAxes(axes, this.source.fields);
    const { api, schema } = this.source;
    if (embedding === null) return Promise.resolve(null);
    return readPlace(embedding, api, schema, coarse, (received, total) => {
      if (this.arriving) this.arriving = { received, total };
    });
  }

  /** Fetch the image of the tissue of a spatial embedding; null if there is none, or one for each of several slides. */
  readTissue(place: Pick<Place, 'name' | 'orientation'>): Promise<BackdropImage | null> {
    return readTissue(place, this.source);
  }

  private async showColor(color: ColorBy): Promise<void> {
    this.busy = color.kind !== 'none';
    try {
      const coloring = await this.coloringRequest.run(async () => {
        if (color.kind === 'none') return PLAIN;
        const read = fieldsOf(color).map((ref) => this.source.fields.loadRef(ref));
        const [field, other] = await Promise.all(read);
        if (!field) return PLAIN;
        const one = await this.colorOf(field);
        return other ? pairColoring(one, await this.colorOf(other)) : one;
      });
      if (!coloring) return;
      this.coloring = coloring;
      this.busy = false;
    } catch (error) {
      this.busy = false;
      this.source.fail(error);
    }
  }

  private colorOf(field: FieldData): Promise<Coloring> {
    return stepwise(coloringSteps(field, this.source.scaleOf(field.key)));
  }

  // Names and camera

  /** Pin the name of a category to a position. */
  pin(key: string, code: number, x: number, y: number): void {
    this.pins = new Map(this.pins).set(this.pinKey(key, code), [x, y]);
  }

  /** Return the position of a pinned name. */
  pinOf(key: string, code: number): readonly [number, number] | null {
    return this.pins.get(this.pinKey(key, code)) ?? null;
  }

  /** Unpin all names. */
  unpin(): void {
    if (this.pins.size > 0) this.pins = new Map();
  }

  private pinKey(key: string, code: number): string {
    return `${code} ${key} ${this.place?.name}`;
  }

  /** Rotate an embedding of three columns by pixels of a drag. */
  rotateBy(dx: number, dy: number): void {
    this.rotation = rotatedBy(this.rotation, dx * RADIANS, dy * RADIANS);
    // The pinned positions were those of the projection, not of the cells.
    this.unpin();
  }

  /** Reset rotation and camera. */
  showAll(): void {
    this.rotation = OBLIQUE;
    this.fit(true);
  }

  /** Fit all cells into the uncovered part of the plot. */
  fit(animate: boolean): void {
    const { scatter } = this;
    if (!scatter) return;
    const whole = viewOfAll(scatter, this.covered);
    this.shown = { x: whole.x, y: whole.y, zoom: whole.scale / scatter.fitted.scale };
    scatter.setView(whole, animate);
  }

  /** Set the camera for a new embedding: that of a link, or all cells. */
  placed(embedding: string): void {
    this.embedding = embedding;
    this.fit(false);
    if (this.wanted?.embedding === embedding) this.look(this.wanted.camera, embedding);
  }

  /** Fit again after a change of size, if all cells were shown before. */
  refit(): void {
    if (this.atWhole) this.fit(false);
  }

  /** Whether the camera has not moved since the last fit. */
  private get atWhole(): boolean {
    const { scatter, shown } = this;
    if (!scatter || !shown) return false;
    const { x, y, scale } = scatter.view;
    const near = (one: number, other: number) => Math.abs(one - other) * scale < 1;
    const zoom = scale / scatter.fitted.scale;
    return near(x, shown.x) && near(y, shown.y) && Math.abs(zoom / shown.zoom - 1) < 1e-3;
  }

  /** The camera; null while it shows all cells. */
  get camera(): Camera | null {
    const { scatter } = this;
    const rotation = this.unrotated?.solid && this.rotation !== OBLIQUE ? rounded(this.rotation) : null;
    if (!scatter || (this.atWhole && !rotation) || scatter.size.width === 0) return null;
    const { x, y, scale } = scatter.view;
    const looks = { x: short(x), y: short(y), zoom: short(scale / scatter.fitted.scale) };
    return rotation ? { ...looks, rotation } : looks;
  }

  /** Apply a camera, once its embedding is shown. */
  look(camera: Camera, embedding: string): void {
    const { scatter } = this;
    if (!scatter || this.embedding !== embedding) {
      this.wanted = { camera, embedding };
      return;
    }
    this.wanted = null;
    if (camera.rotation) this.rotation = camera.rotation;
    scatter.setView({ x: camera.x, y: camera.y, scale: camera.zoom * scatter.fitted.scale });
  }

  /** Apply the camera of another pane with the same embedding. */
  follow(other: Pane): void {
    const { scatter } = this;
    if (!scatter || !other.scatter || this.embedding !== other.embedding) return;
    if (this.rotation !== other.rotation) this.rotation = other.rotation;
    const { x, y, scale } = other.scatter.view;
    const wanted = (scale / other.scatter.fitted.scale) * scatter.fitted.scale;
    const now = scatter.view;
    const same = (one: number, another: number) => Math.abs(one - another) * wanted < 0.1;
    if (same(x, now.x) && same(y, now.y) && Math.abs(wanted / now.scale - 1) < 1e-6) return;
    scatter.setView({ x, y, scale: wanted });
  }
}

/** Milliseconds after a coarse picture until exact coordinates are fetched: colours and histograms come first. */
const REFINED_AFTER = 15_000;

/** Radians of rotation for each pixel of a drag. */
const RADIANS = 0.008;

/** Return the canvas view that fits all cells into the uncovered part of the plot. */
export function viewOfAll(
  { fitted, size }: Pick<Scatter, 'fitted' | 'size'>,
  { above, below, left }: Pane['covered'],
): Look {
  const high = Math.max(1, size.height - above - below) / Math.max(1, size.height);
  const wide = Math.max(1, size.width - left) / Math.max(1, size.width);
  const scale = fitted.scale * Math.min(high, wide);
  return { x: fitted.x - left / 2 / scale, y: fitted.y + (above - below) / 2 / scale, scale };
}

/** Return the fields of a colouring. */
export function fieldsOf(color: ColorBy): readonly FieldRef[] {
  if (color.kind === 'obs') return [{ obs: color.column }];
  if (color.kind === 'annotation') return [{ annotation: color.annotation }];
  if (color.kind === 'pair') return [color.a, color.b];
  return color.kind === 'gene' || color.kind === 'obsp' || color.kind === 'level' ? [color] : [];
}

/** Round a number to few digits, for a short link. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
