/** One plot of the page: which embedding, in which colours, and where its camera looks. */
import type { Api } from '../../api/client';
import { LatestRequest } from '../../api/latestRequest';
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
import type { ColorBy, FieldScale, PaneSpec } from '../view/view';
import type { CellSelection } from './cellSelection.svelte';
import { type Place, placeOnAxes, readPlace, rotatedPlace, tissueOf } from './place';

/** Where a pane gets its data. */
export interface Source {
  readonly fields: Pick<Fields, 'loadRef'>;
  readonly selection: Pick<CellSelection, 'subsetMask'>;
  scaleOf(key: string): FieldScale | undefined;
  fail(error: unknown): void;
  readonly schema: Schema;
  readonly api: Api;
}

export class Pane {
  private whole = $state.raw<Place | null>(null);
  /** How an embedding of three columns is rotated. */
  rotation = $state.raw<Rotation>(OBLIQUE);
  /** Where the cells are; those that there are not for now have no place. */
  readonly standing: Place | null = $derived.by(() => {
    const { whole } = this;
    const mask = this.source.selection.subsetMask;
    if (!whole || !mask) return whole;
    const x = whole.x.slice();
    for (let cell = 0; cell < x.length; cell++) if (!mask[cell]) x[cell] = Number.NaN;
    return { ...whole, x };
  });
  /** The same as it is rotated. */
  readonly place: Place | null = $derived.by(() => {
    const { standing } = this;
    return standing && rotatedPlace(standing, this.rotation);
  });
  coloring = $state.raw<Coloring>(PLAIN);
  busy = $state(false);
  scatter = $state.raw<Scatter | null>(null);
  /** Where the user has moved names of categories to, in data units, by `pinKey`. */
  pins = $state.raw<ReadonlyMap<string, readonly [number, number]>>(new Map());
  /** Cells that have a place; null before there are any. */
  nDrawn = $state<number | null>(null);
  /** Pixels of the plot that something covers. */
  covered = { above: 0, below: 0 };
  private spec: PaneSpec | null = null;
  private readonly placeRequest = new LatestRequest();
  private readonly coloringRequest = new LatestRequest();
  /** The embedding whose cells the plot has. */
  private embedding: string | null = null;
  /** What a link wants to show of an embedding that is still to come. */
  private wanted: { readonly camera: Camera; readonly embedding: string } | null = null;
  /** The view that showed all cells last. */
  private shown: Camera | null = null;

  constructor(private readonly source: Source) {}

  // What is shown

  show(spec: PaneSpec): void {
    const before = this.spec;
    this.spec = spec;
    if (spec.embedding !== before?.embedding || spec.axes !== before?.axes) void this.showPlace(spec);
    if (spec.color !== before?.color) void this.showColor(spec.color);
  }

  /** Show the colours anew: what they are made of has changed. */
  recolor(): void {
    if (this.spec) void this.showColor(this.spec.color);
  }

  /** Whether a field's data are in the plot. */
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
    try {
      const place = await this.placeRequest.run(() => this.read(embedding, axes));
      if (place) this.whole = place;
    } catch (error) {
      this.source.fail(error);
    }
  }

  private read(embedding: string | null, axes: Axes | null): Promise<Place | null> {
    if (axes) return placeOnAxes(axes, this.source.fields);
    const { api, schema } = this.source;
    return embedding === null ? Promise.resolve(null) : readPlace(embedding, api, schema);
  }

  /** The picture of the tissue under a spatial embedding; null where there is none, or several slides have theirs. */
  async readTissue(name: string): Promise<BackdropImage | null> {
    const image = tissueOf(this.source.schema, name);
    if (!image) return null;
    const source = await createImageBitmap(await this.source.api.image(image.name));
    return { source, box: { x0: 0, x1: image.width / image.scale, y0: -image.height / image.scale, y1: 0 } };
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

  // The camera

  /** Keep the name of a category at a place. */
  pin(key: string, code: number, x: number, y: number): void {
    this.pins = new Map(this.pins).set(this.pinKey(key, code), [x, y]);
  }

  /** Where the user has moved a name to. */
  pinOf(key: string, code: number): readonly [number, number] | null {
    return this.pins.get(this.pinKey(key, code)) ?? null;
  }

  /** Let all names stand where they would by themselves. */
  unpin(): void {
    if (this.pins.size > 0) this.pins = new Map();
  }

  private pinKey(key: string, code: number): string {
    return `${code} ${key} ${this.place?.name}`;
  }

  /** Rotation an embedding of three columns by pixels of a drag; the plots of the same one go along. */
  rotateBy(dx: number, dy: number): void {
    this.rotation = rotatedBy(this.rotation, dx * RADIANS, dy * RADIANS);
    // They stood at places of the picture, not of the cells.
    this.unpin();
  }

  /** Show all cells as they were shown at first. */
  showAll(): void {
    this.rotation = OBLIQUE;
    this.fit(true);
  }

  /** Show all cells in the part of the plot that nothing covers. */
  fit(animate: boolean): void {
    const { scatter } = this;
    if (!scatter) return;
    const whole = viewOfAll(scatter, this.covered);
    this.shown = { x: whole.x, y: whole.y, zoom: whole.scale / scatter.fitted.scale };
    scatter.setView(whole, animate);
  }

  /** The plot has cells, those of an embedding: show them all, or what a link wants to show. */
  placed(embedding: string): void {
    this.embedding = embedding;
    this.fit(false);
    if (this.wanted?.embedding === embedding) this.look(this.wanted.camera, embedding);
  }

  /** The plot has another size: show all cells again, if all were shown before. */
  refit(): void {
    if (this.atWhole) this.fit(false);
  }

  /** Whether the view has not been moved since all cells were shown. */
  private get atWhole(): boolean {
    const { scatter, shown } = this;
    if (!scatter || !shown) return false;
    const { x, y, scale } = scatter.view;
    const near = (one: number, other: number) => Math.abs(one - other) * scale < 1;
    const zoom = scale / scatter.fitted.scale;
    return near(x, shown.x) && near(y, shown.y) && Math.abs(zoom / shown.zoom - 1) < 1e-3;
  }

  /** Where the camera looks; null while it shows all cells. */
  get camera(): Camera | null {
    const { scatter } = this;
    const rotation = this.standing?.solid && this.rotation !== OBLIQUE ? rounded(this.rotation) : null;
    if (!scatter || (this.atWhole && !rotation) || scatter.size.width === 0) return null;
    const { x, y, scale } = scatter.view;
    const looks = { x: short(x), y: short(y), zoom: short(scale / scatter.fitted.scale) };
    return rotation ? { ...looks, rotation } : looks;
  }

  /** Look where a camera looks, as soon as its embedding is shown. */
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

  /** Look where another pane of the same embedding looks. */
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

/** Radians of a rotation for each pixel of a drag. */
const RADIANS = 0.008;

/** The view of all cells in the part of the plot that nothing covers. */
function viewOfAll({ fitted, size }: Scatter, { above, below }: Pane['covered']): Look {
  const free = Math.max(1, size.height - above - below) / Math.max(1, size.height);
  const scale = fitted.scale * free;
  return { x: fitted.x, y: fitted.y + (above - below) / 2 / scale, scale };
}

/** The fields a plot is coloured by. */
export function fieldsOf(color: ColorBy): readonly FieldRef[] {
  if (color.kind === 'obs') return [{ obs: color.column }];
  if (color.kind === 'annotation') return [{ annotation: color.annotation }];
  if (color.kind === 'pair') return [color.a, color.b];
  return color.kind === 'gene' || color.kind === 'obsp' ? [color] : [];
}

/** A number in as few digits as a picture needs. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
