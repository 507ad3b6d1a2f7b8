/** Coordinates of the cells: of an embedding, or of two fields. */
import type { OnProgress } from '../../api/bytes';
import type { Api } from '../../api/client';
import type { ImageInfo, Schema, SlideInfo } from '../../api/types';
import type { FieldData, RangeData } from '../fields/field';
import type { Fields } from '../fields/fields.svelte';
import type { Axes } from '../view/fieldRef';
import { type Ball, ballOf, type Rotation, rotated, type Solid } from '../view/rotation3d';
import { isOriented, type Orientation, turnOf } from '../view/tissue';

/** The coordinates of the cells in a plot. */
export interface Place {
  readonly name: string;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** The axes, if the coordinates are those of two fields (between 0 and 1); null for an embedding. */
  readonly axes: { readonly x: Axis; readonly y: Axis } | null;
  /** Of an embedding of three columns: the coordinates before rotation. */
  readonly solid?: { readonly cells: Solid; readonly ball: Ball };
  /** Of a spatial embedding that is turned or flipped. */
  readonly orientation?: Orientation;
  /** Its rotation, and the resulting depth of each cell. */
  readonly rotation?: Rotation;
  readonly depth?: Float32Array;
}

/** The axis of a field. */
export interface Axis {
  readonly title: string;
  /** Values at 0 and 1. */
  readonly ends: readonly [number, number];
  readonly isDate: boolean;
}

/** Read the coordinates of an embedding. */
export async function readPlace(
  name: string,
  api: Api,
  schema: Schema,
  coarse = false,
  onProgress?: OnProgress,
): Promise<Place> {
  const solid = schema.embeddings.some((one) => one.name === name && one.dims === 3);
  const answer = await api.embedding(name, solid ? '0,1,2' : undefined, coarse, onProgress);
  const [x, y, z] = answer.columns.map((column) => (column.layout === 'string' ? [] : column.dense()));
  const n = x?.length ?? 0;
  const onY = y ? upright(isTissue(schema, name), y) : new Float32Array(n);
  return placeOf(name, new Float32Array(x ?? []), onY, z ? new Float32Array(z) : null);
}

/** Flip the y coordinates of spatial embeddings, which count from the upper edge of an image. */
function upright(spatial: boolean, y: ArrayLike<number>): Float32Array {
  const copy = new Float32Array(y);
  return spatial ? copy.map((value) => -value) : copy;
}

/** Return the coordinates of an embedding of two or three columns. */
function placeOf(name: string, x: Float32Array, y: Float32Array, z: Float32Array | null): Place {
  const ball = z && ballOf({ x, y, z });
  return { name, x, y, axes: null, ...(z && ball ? { solid: { cells: { x, y, z }, ball } } : {}) };
}

/** Rotate coordinates; those of two columns are unchanged. */
export function rotatedPlace(place: Place, rotation: Rotation): Place {
  const { solid } = place;
  if (!solid) return place;
  // The x of a cell outside the subset is NaN.
  const { x, y, z } = rotated({ ...solid.cells, x: place.x }, solid.ball, rotation);
  return { ...place, x, y, rotation, depth: z };
}

/** Turn and flip the coordinates in a tissue; others are unchanged. */
export function orientedPlace(place: Place, schema: Schema, orientation: Orientation): Place {
  if (!isOriented(orientation) || place.axes || place.solid || !isTissue(schema, place.name)) return place;
  const [a, b, c, d] = turnOf(orientation);
  const { x, y } = place;
  return {
    ...place,
    x: x.map((value, cell) => a * value + b * (y[cell] as number)),
    y: x.map((value, cell) => c * value + d * (y[cell] as number)),
    orientation,
  };
}

/** Return the coordinates of two fields. */
export async function placeOnAxes(axes: Axes, fields: Pick<Fields, 'loadRef'>): Promise<Place> {
  const [x, y] = await Promise.all([fields.loadRef(axes.x), fields.loadRef(axes.y)]);
  const along = (field: FieldData) => {
    if (field.kind !== 'range') throw new RangeError(`“${field.title}” holds no numbers: choose another axis.`);
    return unit(field);
  };
  const [onX, onY] = [along(x), along(y)];
  const name = `axes ${x.key} ${y.key}`;
  return { name, x: onX.values, y: onY.values, axes: { x: onX.axis, y: onY.axis } };
}

/** Scale values to between 0 and 1; NaN if missing. */
function unit(field: RangeData): { values: Float32Array; axis: Axis } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const has = (cell: number) => Number.isFinite(field.values[cell]) && !field.missing?.[cell];
  for (let cell = 0; cell < field.values.length; cell++) {
    if (!has(cell)) continue;
    low = Math.min(low, field.values[cell] as number);
    high = Math.max(high, field.values[cell] as number);
  }
  const span = high - low || 1;
  const values = Float32Array.from({ length: field.values.length }, (_, cell) =>
    has(cell) ? ((field.values[cell] as number) - low) / span : Number.NaN,
  );
  return { values, axis: { title: field.title, ends: [low, low + span], isDate: field.isDate } };
}

/** Return the image with the highest resolution for an embedding: that of its slide, or of the only one. */
export function tissueOf(schema: Pick<Schema, 'embeddings' | 'images'>, embedding: string): ImageInfo | null {
  if (!isTissue(schema, embedding)) return null;
  const { images } = schema;
  const library = libraryOf(schema, embedding);
  if (library !== null) return images.find((image) => image.library === library) ?? null;
  return new Set(images.map((image) => image.library)).size === 1 ? (images[0] ?? null) : null;
}

/** Return the size of the spots and the scale of an embedding's slide: that of its section, or of the only one. */
export function slideOf(schema: Pick<Schema, 'embeddings' | 'slides'>, embedding: string): SlideInfo | null {
  if (!isTissue(schema, embedding)) return null;
  const { slides } = schema;
  const library = libraryOf(schema, embedding);
  if (library !== null) return slides.find((slide) => slide.library === library) ?? null;
  return slides.length === 1 ? (slides[0] ?? null) : null;
}

/** Return the slide of a section; null for an embedding of all cells. */
function libraryOf({ embeddings }: Pick<Schema, 'embeddings'>, embedding: string): string | null {
  return embeddings.find(({ name }) => name === embedding)?.library ?? null;
}

/** Return whether the coordinates of an embedding are positions in a tissue. */
export function isTissue(schema: Pick<Schema, 'embeddings'>, embedding: string): boolean {
  return libraryOf(schema, embedding) !== null || isSpatial(embedding);
}

const REDUCTIONS =
  /umap|tsne|pca|phate|diffmap|draw_graph|force|trimap|pacmap|isomap|nmf|harmony|scvi|latent|embed|no[nt][_. -]?spatial/;

/** Return whether the coordinates of an embedding are positions in a tissue, by its name. */
export function isSpatial(embedding: string): boolean {
  const name = embedding.toLowerCase();
  return /(^|[^a-z])spatial/.test(name) && !REDUCTIONS.test(name);
}
