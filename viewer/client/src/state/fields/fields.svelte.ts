/** The columns and genes of one dataset that are in memory, and how their values are counted. */
import type { Api } from '../../api/client';
import type { ObsColumn, Schema } from '../../api/types';
import {
  type Crossfilter,
  type CrossfilterResult,
  createCrossfilter,
  type FieldCounts,
} from '../../crossfilter/client';
import {
  annotationKey,
  type FieldRef,
  type GeneRef,
  geneKey,
  isAnnotationKey,
  keyOf,
  type ObspRowRef,
  obsKey,
} from '../view/fieldRef';
import type { FieldScale } from '../view/view';
import { type FieldData, fieldSpec, geneField, obsField, obspRowField } from './field';

type AnnotationReader = (key: string) => Promise<FieldData>;

export abstract class Fields {
  counts = $state.raw<ReadonlyMap<string, FieldCounts>>(new Map());
  fields = $state.raw<ReadonlyMap<string, FieldData>>(new Map());
  /** Keys of the genes that are being read. */
  reading = $state.raw<ReadonlySet<string>>(new Set());
  result = $state.raw<CrossfilterResult>({ mask: null, passing: 0 });

  readonly n: number;
  protected readonly crossfilter: Crossfilter;
  private readonly columns: ReadonlyMap<string, ObsColumn>;
  private readonly sources = new Map<string, GeneRef | ObspRowRef>();
  private readonly watched = new Map<string, number>();
  private readonly loading = new Map<string, Promise<FieldData>>();
  protected readonly reads = new Map<string, AbortController>();
  private setAnnotationReader: (read: AnnotationReader) => void = () => {};
  private readonly annotationReader = new Promise<AnnotationReader>((resolve) => {
    this.setAnnotationReader = resolve;
  });

  constructor(
    readonly api: Api,
    readonly schema: Schema,
  ) {
    this.n = schema.n_obs;
    this.result = { mask: null, passing: this.n };
    this.columns = new Map(schema.obs.map((column) => [obsKey(column.name), column]));
    this.crossfilter = createCrossfilter(this.n, {
      onMask: (result) => {
        this.result = result;
      },
      onCounts: (counts) => {
        this.counts = new Map([...this.counts, ...counts]);
      },
      onError: (error) => this.fail(error),
    });
  }

  abstract scaleOf(key: string): FieldScale | undefined;

  abstract fail(error: unknown): void;

  /** A field was put in place that is no column of the file, or taken away. */
  protected abstract provided(key: string, field: FieldData | null): void;

  /** Genes whose keys will come. */
  learn(genes: readonly GeneRef[]): void {
    for (const gene of genes) this.sources.set(geneKey(gene), gene);
  }

  /** What a field's key stands for. */
  refOf(key: string): FieldRef | null {
    const column = this.columns.get(key);
    if (column) return { obs: column.name };
    if (key.startsWith(annotationKey(''))) return { annotation: key.slice(annotationKey('').length) };
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
    let field: FieldData;
    if (info) field = obsField(info, await this.api.obs(info.name));
    else if (source && 'obsp' in source) field = obspRowField(source, await this.api.obspRow(source.obsp, source.cell));
    else if (source) field = await this.readGene(source);
    else if (isAnnotationKey(key)) field = await (await this.annotationReader)(key);
    else throw new RangeError(`no field ${key}`);
    this.fields = new Map(this.fields).set(key, field);
    this.count(key);
    return field;
  }

  /** Have a field counted in the bins its scale asks for. */
  protected count(key: string): void {
    const field = this.fields.get(key);
    const spec = field && fieldSpec(field, this.scaleOf(key));
    if (spec) this.crossfilter.addField(key, spec);
  }

  /** Have labels of the user's own read by their keys; those that were asked for have waited for it. */
  readAnnotationsWith(read: AnnotationReader): void {
    this.setAnnotationReader(read);
  }

  /** Put a field in place that is no column of the file, or with null take it away. */
  provide(key: string, field: FieldData | null): void {
    if (field) {
      this.loading.set(key, Promise.resolve(field));
      this.fields = new Map(this.fields).set(key, field);
      this.count(key);
    } else this.giveUp(key);
    this.provided(key, field);
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

  /** Keep the counts of a field up to date until the function given back is called. */
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

  /** Give up the arrays of genes and rows that nothing shows. */
  protected release(isUnused: (key: string) => boolean): void {
    for (const key of [...this.sources.keys()].filter(isUnused)) if (this.fields.has(key)) this.giveUp(key);
  }

  private giveUp(key: string): void {
    this.loading.delete(key);
    this.crossfilter.removeField(key);
    this.fields = without(this.fields, key);
    this.counts = without(this.counts, key);
  }
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
