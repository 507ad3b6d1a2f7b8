/** The serialized form of a view, for links and saved views. `readView` reads it. */
import type { Schema } from '../../api/types';
import type { NamedFilter } from './fieldFilter';
import type { Axes, FieldRef, GeneRef } from './fieldRef';
import { type Overlays, savedOverlays } from './overlays';
import { paneSpecs } from './panes';
import type { Rotation } from './rotation3d';
import type { SelectionExpression } from './selectionExpression';
import { savedTissue, type TissueLook } from './tissue';
import type { CellsRef, ColorBy, FieldScale, Gallery, View } from './view';

/** The camera of a plot: its centre in data units, its zoom relative to the view of all cells. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
  /** Of an embedding of three columns, in radians. */
  readonly rotation?: Rotation;
}

export interface SavedSet {
  readonly name?: string;
  readonly cells: SelectionExpression;
}

/** A serialized view. All but the version is optional. */
export interface SavedView {
  readonly version: 1;
  /** The fingerprint of the dataset. Codes of categories and lists of cells are valid for it only. */
  readonly data?: string;
  readonly embedding?: string;
  readonly axes?: Axes;
  readonly color?: ColorBy;
  /** The plots side by side, and the position of the active one. */
  readonly panes?: readonly SavedPane[];
  readonly active?: number;
  readonly subset?: SavedSet;
  readonly focus?: number;
  readonly gallery?: Gallery;
  readonly names?: FieldRef;
  readonly matrix?: string;
  readonly filters?: readonly NamedFilter[];
  readonly lasso?: SelectionExpression;
  readonly setA?: SavedSet;
  readonly setB?: SavedSet | 'rest';
  readonly genes?: readonly GeneRef[];
  /** The keys of pinned genes. */
  readonly pinned?: readonly string[];
  readonly scales?: readonly ({ readonly field: FieldRef } & FieldScale)[];
  readonly tissue?: Partial<TissueLook>;
  readonly overlays?: Partial<Overlays>;
  readonly camera?: Camera;
  /** The layout of the page, in links alone: see `restoreLayout`. */
  readonly layout?: unknown;
}

/** One of several plots. */
export interface SavedPane {
  readonly embedding?: string;
  readonly axes?: Axes;
  readonly color: ColorBy;
}

/** Serialize a view. Returns also the descriptions of sets that are too large. */
export function savedView(
  view: View,
  schema: Schema,
  refOf: (key: string) => FieldRef | null,
  camera: Camera | null,
): { saved: SavedView; omitted: string[] } {
  const omitted: string[] = [];
  const expression = (ref: CellsRef, what: string): SelectionExpression | null => {
    if (!ref.expression) omitted.push(what);
    return ref.expression ?? null;
  };
  const set = (ref: CellsRef, what: string): SavedSet | null => {
    const cells = expression(ref, what);
    return cells && { ...(ref.name === undefined ? {} : { name: ref.name }), cells };
  };
  const filters: NamedFilter[] = [];
  for (const [key, filter] of Object.entries(view.filters)) {
    const field = refOf(key);
    if (field) filters.push({ field, ...filter });
  }
  const scales: ({ field: FieldRef } & FieldScale)[] = [];
  for (const [key, scale] of Object.entries(view.scales)) {
    const field = refOf(key);
    if (field) scales.push({ field, ...scale });
  }
  const lasso = view.lasso && expression(view.lasso, 'the lasso');
  const setA = view.setA && set(view.setA, 'set A');
  const setB = view.setB && view.setB !== 'rest' ? set(view.setB, 'set B') : view.setB;
  const subset = view.subset && set(view.subset, 'the subset');
  const tissue = savedTissue(view.tissue);
  const overlays = savedOverlays(view.overlays);
  const panes = paneSpecs(view).map(({ embedding, axes, color }) => ({
    ...(embedding === null ? {} : { embedding }),
    ...(axes ? { axes } : {}),
    color,
  }));
  const saved: SavedView = {
    version: 1,
    data: schema.fingerprint,
    ...(view.embedding !== null ? { embedding: view.embedding } : {}),
    ...(view.matrix !== null ? { matrix: view.matrix } : {}),
    ...(view.axes ? { axes: view.axes } : {}),
    ...(panes.length > 1 ? { panes, active: view.active } : {}),
    ...(subset ? { subset } : {}),
    ...(view.gallery ? { gallery: view.gallery } : {}),
    ...(view.names ? { names: view.names } : {}),
    ...(view.focus === null ? {} : { focus: view.focus }),
    color: view.color,
    ...(filters.length ? { filters } : {}),
    ...(lasso ? { lasso } : {}),
    ...(setA ? { setA } : {}),
    ...(setB && setB !== 'rest' ? { setB } : {}),
    ...(view.genes.length ? { genes: view.genes } : {}),
    ...(view.pinned.length ? { pinned: view.pinned } : {}),
    ...(scales.length ? { scales } : {}),
    ...(tissue ? { tissue } : {}),
    ...(overlays ? { overlays } : {}),
    ...(camera ? { camera } : {}),
  };
  return { saved, omitted };
}
