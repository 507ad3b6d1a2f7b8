/**
 * Reading of saved views. A view may be of any origin, so all of it is validated; parts that do not fit the dataset are
 * left out and reported.
 */
import type { Schema } from '../../api/types';
import { fromBase64 } from './cellListCodec';
import type { NamedFilter } from './fieldFilter';
import {
  type Axes,
  type FieldRef,
  type GeneRef,
  geneKey,
  isOfAnnotation,
  keyOf,
  type LevelRef,
  levelOfKey,
  type ObspRowRef,
} from './fieldRef';
import { readOverlays } from './overlays';
import { readRotation } from './rotation3d';
import type { Camera, SavedSet } from './savedView';
import { MAX_DEPTH, type SelectionExpression } from './selectionExpression';
import { readTissue } from './tissue';
import {
  type ColorBy,
  type FieldScale,
  type Gallery,
  initialView,
  MAX_GENES,
  type PaneSpec,
  sectionsOf,
  type View,
  withFilter,
  withGenes,
  withScale,
} from './view';

/** A saved view after validation for a dataset. */
export interface ReadView {
  /** The view without its sets of cells, which are resolved afterwards. */
  readonly view: View;
  readonly lasso: SelectionExpression | null;
  readonly setA: SavedSet | null;
  readonly setB: SavedSet | null;
  readonly subset: SavedSet | null;
  readonly camera: Camera | null;
  /** The layout of the page, not validated. */
  readonly layout: unknown;
  /** Descriptions of the parts that do not fit. */
  readonly dropped: readonly string[];
}

/** Validate a view of any origin. */
export function readView(value: unknown, schema: Schema): ReadView {
  const reader = new Reader(schema);
  return reader.read(value);
}

class Reader {
  private readonly dropped: string[] = [];
  /** Whether the view was saved for the same state of the file. */
  private sameData = true;

  constructor(private readonly schema: Schema) {}

  read(value: unknown): ReadView {
    const given = isObject(value) ? value : null;
    let view = initialView(this.schema);
    if (given?.version !== 1) {
      const dropped = ['the whole view, which this version cannot read'];
      return { view, lasso: null, setA: null, setB: null, subset: null, camera: null, layout: null, dropped };
    }
    this.sameData = given.data === undefined || given.data === this.schema.fingerprint;
    const focus = this.isCell(given.focus) ? given.focus : null;
    const embedding = this.embedding(given.embedding);
    const matrix = this.matrix(given.matrix);
    view = {
      ...view,
      embedding: embedding ?? view.embedding,
      matrix: matrix ?? view.matrix,
      axes: this.axes(given.axes),
      focus,
      gallery: this.gallery(given.gallery),
      names: given.names === undefined ? null : (this.field(given.names) ?? this.drop('the names on the plot')),
      color: this.color(given.color, matrix ?? view.matrix) ?? view.color,
      genes: this.genes(given.genes),
      tissue: isObject(given.tissue) ? readTissue(given.tissue) : view.tissue,
      overlays: isObject(given.overlays) ? readOverlays(given.overlays) : view.overlays,
    };
    view = this.panes(view, given.panes, given.active);
    if (view.color.kind === 'gene') {
      const key = geneKey(view.color);
      if (!view.genes.some((other) => geneKey(other) === key)) view = withGenes(view, [view.color]);
    }
    const listed = new Set(view.genes.map(geneKey));
    if (Array.isArray(given.pinned)) view = { ...view, pinned: given.pinned.filter((key) => listed.has(key)) };
    for (const { field, ...scale } of this.scales(given.scales)) view = withScale(view, keyOf(field), scale);
    for (const filter of this.filters(given.filters)) {
      const { field, ...rest } = filter;
      view = withFilter(view, keyOf(field), rest);
    }
    return {
      view,
      lasso: this.cells(given.lasso, 'the lasso'),
      setA: this.set(given.setA, 'set A'),
      setB: given.setB === 'rest' ? null : this.set(given.setB, 'set B'),
      subset: this.set(given.subset, 'the subset'),
      camera: camera(given.camera),
      layout: given.layout ?? null,
      dropped: [...new Set(this.dropped)],
    };
  }

  private drop(what: string): null {
    this.dropped.push(what);
    return null;
  }

  private embedding(value: unknown): string | null {
    if (value === undefined) return null;
    const named = (name: string) => this.schema.embeddings.find((one) => one.name === name)?.name;
    const found = typeof value === 'string' ? (named(value) ?? named(`X_${value}`)) : undefined;
    return found ?? this.drop(`the embedding ${shown(value)}`);
  }

  private axes(value: unknown): Axes | null {
    if (value === undefined || value === null) return null;
    const x = isObject(value) ? this.field(value.x) : null;
    const y = isObject(value) ? this.field(value.y) : null;
    return x && y ? { x, y } : this.drop('the axes');
  }

  /** Read the plots side by side; invalid ones are reduced to one. */
  private panes(view: View, value: unknown, active: unknown): View {
    const { embedding, axes, color } = view;
    const one = { ...view, panes: [{ embedding, axes, color }], active: 0 };
    if (value === undefined) return one;
    if (!Array.isArray(value) || (value.length !== 2 && value.length !== 4)) {
      this.drop('the plots side by side');
      return one;
    }
    const panes = value.map((entry): PaneSpec => {
      const given = isObject(entry) ? entry : {};
      return {
        embedding: this.embedding(given.embedding) ?? embedding,
        axes: this.axes(given.axes),
        color: this.color(given.color, view.matrix) ?? { kind: 'none' },
      };
    });
    const at = active === 1 || active === 2 || active === 3 ? active : 0;
    return { ...view, panes, active: at < panes.length ? at : 0 };
  }

  private matrix(value: unknown): string | null {
    if (value === undefined) return null;
    return this.schema.matrices.find(({ name }) => name === value)?.name ?? this.drop(`the matrix ${shown(value)}`);
  }

  private color(value: unknown, matrix: string | null): ColorBy | null {
    if (value === undefined) return null;
    if (isObject(value)) {
      if (value.kind === 'none') return { kind: 'none' };
      if (value.kind === 'obs') {
        const column = this.column(value.column);
        return column === null ? this.drop(`the column ${shown(value.column)}`) : { kind: 'obs', column };
      }
      if (value.kind === 'gene') {
        const gene = this.gene({ matrix, ...value });
        return gene ? { kind: 'gene', ...gene } : this.drop(`the gene ${shown(value.gene)}`);
      }
      if (value.kind === 'obsp') {
        const row = this.row(value);
        return row ? { kind: 'obsp', ...row } : this.drop('the colours');
      }
      if (value.kind === 'pair') {
        const [a, b] = [this.field(value.a), this.field(value.b)];
        return a && b ? { kind: 'pair', a, b } : this.drop('the colours');
      }
      if (value.kind === 'annotation' && isName(value.annotation)) {
        return { kind: 'annotation', annotation: value.annotation };
      }
      if (value.kind === 'level') {
        const level = this.level(value);
        return level ? { kind: 'level', ...level } : this.drop('the colours');
      }
    }
    return this.drop('the colours');
  }

  private column(value: unknown): string | null {
    return this.schema.obs.find(({ name }) => name === value)?.name ?? null;
  }

  /** Read a gene. Its existence is checked by the server later. */
  private gene(value: Record<string, unknown>): GeneRef | null {
    const { gene, matrix, list } = value;
    const found = this.schema.matrices.find(({ name }) => name === matrix);
    if (!isName(gene) || !found) return null;
    if (list === undefined) return { gene, matrix: found.name };
    const genes = isObject(list) && Array.isArray(list.genes) ? list.genes : [];
    const fine = genes.length > 0 && genes.length <= 2000 && genes.every(isName);
    if (!fine || !isObject(list) || (list.method !== 'mean' && list.method !== 'score')) return null;
    return { gene, matrix: found.name, list: { genes: genes as string[], method: list.method } };
  }

  private row({ obsp, cell }: Record<string, unknown>): ObspRowRef | null {
    const found = this.schema.obsp?.find((name) => name === obsp);
    return found !== undefined && this.isCell(cell) ? { obsp: found, cell } : null;
  }

  private gallery(value: unknown): Gallery | null {
    if (value === undefined) return null;
    if (isObject(value) && value.kind === 'genes') return { kind: 'genes' };
    if (isObject(value) && value.kind === 'sections' && sectionsOf(this.schema).length > 1) return { kind: 'sections' };
    const given = isObject(value) && value.kind === 'categories' ? value.column : null;
    // Annotations are listed later: the gallery of one that is gone says so.
    const listed = typeof given === 'string' && (isOfAnnotation(given) || levelOfKey(given) !== null);
    const column = listed ? given : this.column(given);
    return column === null ? this.drop('the gallery') : { kind: 'categories', column };
  }

  private isCell(value: unknown): value is number {
    return this.sameData && Number.isInteger(value) && (value as number) >= 0 && (value as number) < this.schema.n_obs;
  }

  private genes(value: unknown): GeneRef[] {
    if (!Array.isArray(value)) return [];
    const found = new Map<string, GeneRef>();
    for (const entry of value.slice(0, MAX_GENES)) {
      const gene = isObject(entry) ? this.gene(entry) : null;
      if (gene) found.set(geneKey(gene), gene);
      else this.drop('some genes');
    }
    return [...found.values()];
  }

  private scales(value: unknown): ({ field: FieldRef } & FieldScale)[] {
    if (!Array.isArray(value)) return [];
    const found: ({ field: FieldRef } & FieldScale)[] = [];
    for (const entry of value.slice(0, 200)) {
      const field = isObject(entry) ? this.field(entry.field) : null;
      if (!field || !isObject(entry)) continue;
      const [low, high] = Array.isArray(entry.clip) ? entry.clip : [];
      const clip = typeof low === 'number' && typeof high === 'number' && low >= 0 && high <= 100 && low < high;
      found.push({ field, log: entry.log === true, clip: clip ? [low, high] : null });
    }
    return found;
  }

  private filters(value: unknown): NamedFilter[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.drop('the filters');
      return [];
    }
    const found: NamedFilter[] = [];
    for (const entry of value.slice(0, 200)) {
      const filter = this.filter(entry);
      if (filter) found.push(filter);
    }
    return found;
  }

  private filter(value: unknown): NamedFilter | null {
    const field = isObject(value) ? this.field(value.field) : null;
    if (!field || !isObject(value)) return this.drop('a filter');
    if (value.kind === 'range') {
      const { min, max } = value;
      const fine = typeof min === 'number' && typeof max === 'number' && min <= max;
      return fine ? { field, kind: 'range', min, max } : this.drop('a filter');
    }
    const { mode, codes } = value;
    if (value.kind !== 'category' || !Array.isArray(codes) || (mode !== 'only' && mode !== 'except')) {
      return this.drop('a filter');
    }
    if (!this.sameData) return this.drop('a filter by category, as the file has changed since');
    const size = this.categories(field);
    const fit = codes.every((code) => Number.isInteger(code) && code >= -1 && code < size);
    return fit ? { field, kind: 'category', mode, codes: codes as number[] } : this.drop('a filter');
  }

  /** Return the number of categories of a field; that of annotations is not known yet. */
  private categories(field: FieldRef): number {
    if ('annotation' in field || 'level' in field) return MOST_CATEGORIES;
    return 'obs' in field
      ? (this.schema.obs.find(({ name }) => name === field.obs)?.n_categories ?? MOST_CATEGORIES)
      : 0;
  }

  private field(value: unknown): FieldRef | null {
    if (!isObject(value)) return null;
    if (value.obs !== undefined) {
      const column = this.column(value.obs);
      return column === null ? null : { obs: column };
    }
    if (value.obsp !== undefined) return this.row(value);
    if (value.level !== undefined) return this.level(value);
    if (value.annotation !== undefined) return isName(value.annotation) ? { annotation: value.annotation } : null;
    return this.gene(value);
  }

  private level({ level, of }: Record<string, unknown>): LevelRef | null {
    const column = this.field(of);
    if (!Number.isInteger(level) || (level as number) < 1 || (level as number) > 9 || !column) return null;
    return 'obs' in column || 'annotation' in column ? { level: level as number, of: column } : null;
  }

  private set(value: unknown, what: string): SavedSet | null {
    if (value === undefined) return null;
    const cells = isObject(value) ? this.cells(value.cells, what) : this.drop(what);
    if (!cells || !isObject(value)) return null;
    return typeof value.name === 'string' ? { name: value.name.slice(0, 200), cells } : { cells };
  }

  private cells(value: unknown, what: string): SelectionExpression | null {
    if (value === undefined) return null;
    return this.expression(value, 0) ?? this.drop(what);
  }

  private expression(value: unknown, depth: number): SelectionExpression | null {
    if (!isObject(value) || depth >= MAX_DEPTH) return null;
    if (value.not !== undefined) {
      const not = this.expression(value.not, depth + 1);
      return not && { not };
    }
    if (value.join !== undefined) {
      const { join, of } = value;
      if (!Array.isArray(of) || (join !== 'add' && join !== 'subtract' && join !== 'intersect')) return null;
      const first = this.expression(of[0], depth + 1);
      const second = this.expression(of[1], depth + 1);
      return first && second && { join, of: [first, second] };
    }
    if (value.filters !== undefined) {
      if (!Array.isArray(value.filters)) return null;
      const filters = value.filters.map((entry) => this.filter(entry));
      return filters.every((filter) => filter !== null) ? { filters } : null;
    }
    if (typeof value.cells === 'string') {
      return this.sameData && isBase64(value.cells) ? { cells: value.cells } : null;
    }
    const { polygon } = value;
    if (!Array.isArray(polygon) || polygon.length > 20_000 || !polygon.every(Number.isFinite)) return null;
    if (value.axes !== undefined) {
      const axes = this.axes(value.axes);
      return axes && { polygon: polygon as number[], axes };
    }
    const embedding = this.schema.embeddings.find(({ name }) => name === value.embedding)?.name;
    if (embedding === undefined) return null;
    const rotation = readRotation(value.rotation);
    return { polygon: polygon as number[], embedding, ...(rotation ? { rotation } : {}) };
  }
}

function camera(value: unknown): Camera | null {
  if (!isObject(value)) return null;
  const { x, y, zoom } = value;
  const fine = Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(zoom) && (zoom as number) > 0;
  if (!fine) return null;
  const rotation = readRotation(value.rotation);
  return { x: x as number, y: y as number, zoom: zoom as number, ...(rotation ? { rotation } : {}) };
}

/** Return whether a value is a name of valid length. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length < 500;
}

function isBase64(text: string): boolean {
  try {
    fromBase64(text);
    return true;
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = String(typeof value === 'string' ? value : JSON.stringify(value));
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}

const MOST_CATEGORIES = 2 ** 31;
