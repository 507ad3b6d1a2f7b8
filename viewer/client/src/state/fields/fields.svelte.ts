/** The fields (columns, annotations, genes) of a dataset that are in memory, and the counts of their values. */
import type { Api } from '../../api/client';
import type { ObsColumn, Schema } from '../../api/types';
import {
  type Crossfilter,
  type CrossfilterResult,
  createCrossfilter,
  type FieldCounts,
} from '../../crossfilter/client';
import {
  type FieldRef,
  type GeneRef,
  geneKey,
  isAnnotationKey,
  isOfAnnotation,
  keyOf,
  levelOfKey,
  type ObspRowRef,
  obsKey,
} from '../view/fieldRef';
import type { FieldScale } from '../view/view';
import { type FieldData, fieldSpec, geneField, obsField, obspRowField } from './field';
import { columnOfKey } from './groupings.svelte';
import { levelField } from './levels';

type AnnotationReader = (key: string) => Promise<FieldData>;

/** The owner of the fields. */
export interface FieldsHost {
  scaleOf(key: string): FieldScale | undefined;
  fail(error: unknown): void;
}

export class Fields {
  counts = $state.raw<ReadonlyMap<string, FieldCounts>>(new Map());
  loaded = $state.raw<ReadonlyMap<string, FieldData>>(new Map());
  /** Keys of the genes that are being read. */
  reading = $state.raw<ReadonlySet<string>>(new Set());
  /** The cells that pass all filters. */
  result = $state.raw<CrossfilterResult>({ mask: null, passing: 0 });
  /** Called when a field that is no column of the file was put in place, or taken away. */
  onProvided: (key: string, field: FieldData | null) => void = () => {};

  readonly crossfilter: Crossfilter;
  private readonly columns: ReadonlyMap<string, ObsColumn>;
  private readonly sources = new Map<string, GeneRef | ObspRowRef>();
  private readonly watched = new Map<string, number>();
  private readonly loading = new Map<string, Promise<FieldData>>();
  private readonly reads = new Map<string, AbortController>();
  private setAnnotationReader: (read: AnnotationReader) => void = () => {};
  private readonly annotationReader = new Promise<AnnotationReader>((resolve) => {
    this.setAnnotationReader = resolve;
  });

  constructor(
    private readonly api: Api,
    schema: Schema,
    private readonly host: FieldsHost,
  ) {
    this.result = { mask: null, passing: schema.n_obs };
    this.columns = new Map(schema.obs.map((column) => [obsKey(column.name), column]));
    this.crossfilter = createCrossfilter(schema.n_obs, {
      onMask: (result) => {
        this.result = result;
      },
      onCounts: (counts) => {
        this.counts = new Map([...this.counts, ...counts]);
      },
      onError: (error) => host.fail(error),
    });
  }

  get(key: string): FieldData | undefined {
    return this.loaded.get(key);
  }

  /** Register genes, so that they can be loaded by key. */
  learn(genes: readonly GeneRef[]): void {
    for (const gene of genes) this.sources.set(geneKey(gene), gene);
  }

  /** Return the reference of a key. */
  refOf(key: string): FieldRef | null {
    const column = this.columns.get(key);
    if (column) return { obs: column.name };
    if (isOfAnnotation(key) || levelOfKey(key)) return columnOfKey(key);
    return this.sources.get(key) ?? null;
  }

  /** Load a column, once. */
  load(key: string): Promise<FieldData> {
    let promise = this.loading.get(key);
    if (!promise) {
      promise = this.fetchField(key);
      this.loading.set(key, promise);
      promise.catch(() => this.loading.delete(key));
    }
    return promise;
  }

  loadGene(gene: GeneRef): Promise<FieldData> {
    const key = geneKey(gene);
    this.sources.set(key, gene);
    return this.load(key);
  }

  loadRef(ref: FieldRef): Promise<FieldData> {
    const key = keyOf(ref);
    if ('gene' in ref || 'obsp' in ref) this.sources.set(key, ref);
    return this.load(key);
  }

  private async fetchField(key: string): Promise<FieldData> {
    const info = this.columns.get(key);
    const source = this.sources.get(key);
    const level = info ? null : levelOfKey(key);
    let field: FieldData;
    if (info) field = obsField(info, await this.api.obs(info.name));
    else if (level) field = levelOf(await this.load(level.column), level.level);
    else if (source && 'obsp' in source) field = obspRowField(source, await this.api.obspRow(source.obsp, source.cell));
    else if (source) field = await this.readGene(source);
    else if (isAnnotationKey(key)) field = await (await this.annotationReader)(key);
    else throw new RangeError(`no field ${key}`);
    this.loaded = new Map(this.loaded).set(key, field);
    this.count(key);
    return field;
  }

  /** Count a field in the bins of its scale. */
  count(key: string): void {
    const field = this.loaded.get(key);
    const spec = field && fieldSpec(field, this.host.scaleOf(key));
    if (spec) this.crossfilter.addField(key, spec);
  }

  /** Set the function that loads annotations. Requests for annotations wait for it. */
  readAnnotationsWith(read: AnnotationReader): void {
    this.setAnnotationReader(read);
  }

  /** Add a field that is no column of the file, or remove it (null). */
  provide(key: string, field: FieldData | null): void {
    if (field) {
      this.loading.set(key, Promise.resolve(field));
      this.loaded = new Map(this.loaded).set(key, field);
      this.count(key);
    } else this.giveUp(key);
    this.onProvided(key, field);
    for (const other of this.loaded.keys()) {
      const level = levelOfKey(other);
      if (level?.column === key) this.provide(other, field && levelOf(field, level.level));
    }
  }

  /** Abort the request for a gene. */
  abort(gene: GeneRef): void {
    this.reads.get(geneKey(gene))?.abort();
  }

  private async readGene(gene: GeneRef): Promise<FieldData> {
    const key = geneKey(gene);
    const controller = new AbortController();
    this.reads.set(key, controller);
    this.reading = new Set(this.reads.keys());
    try {
      const { api } = this;
      const { signal } = controller;
      const { list, matrix } = gene;
      const reading = list
        ? api.score(list.genes, list.method, matrix, signal)
        : api.expression(gene.gene, matrix, signal);
      return geneField(gene, await reading);
    } finally {
      this.reads.delete(key);
      this.reading = new Set(this.reads.keys());
    }
  }

  /** Keep the counts of a field up to date until the returned function is called. */
  watch(key: string): () => void {
    this.watched.set(key, (this.watched.get(key) ?? 0) + 1);
    this.crossfilter.watch(this.watched.keys());
    return () => {
      const left = (this.watched.get(key) ?? 1) - 1;
      if (left > 0) this.watched.set(key, left);
      else this.watched.delete(key);
      this.crossfilter.watch(this.watched.keys());
    };
  }

  /** Release the values of genes and obsp rows that are not in use. */
  release(isUnused: (key: string) => boolean): void {
    for (const key of [...this.sources.keys()].filter(isUnused)) if (this.loaded.has(key)) this.giveUp(key);
  }

  dispose(): void {
    this.crossfilter.dispose();
  }

  private giveUp(key: string): void {
    this.loading.delete(key);
    this.crossfilter.removeField(key);
    this.loaded = without(this.loaded, key);
    this.counts = without(this.counts, key);
  }
}

/** Return a level of a field of categories; another field as it is. */
function levelOf(field: FieldData, level: number): FieldData {
  return field.kind === 'category' ? levelField(field, level) : field;
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
