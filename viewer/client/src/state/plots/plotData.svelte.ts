/** What the plots draw: asked for as the choices change, the newest question alone. */
import { untrack } from 'svelte';
import { type ApiError, asApiError, isAbort } from '../../api/error';
import { Latest } from '../../api/latestRequest';
import type { Spread, Summary } from '../../api/types';
import { quantise } from '../../color/codes';
import type { CategoryData } from '../fields/field';
import { obsKey } from '../view/fieldRef';
import type { Viewer } from '../viewer/viewer.svelte';
import type { Plots } from './plots.svelte';

/** One row of violins; its spread is null while it is read. */
export interface SpreadRow {
  readonly name: string;
  readonly spread: Spread | null;
}

/** Values of genes in some cells of each category. */
export interface Heat {
  readonly groups: readonly { readonly name: string; readonly n: number; readonly shown: number }[];
  /** The cells shown, category by category. */
  readonly cells: Uint32Array;
  readonly rows: readonly { readonly gene: string; readonly values: Float32Array }[];
}

/** A gene in every cell, as codes of a colour map. */
export interface GridPanel {
  readonly gene: string;
  readonly matrix: string;
  readonly codes: Uint8Array;
  readonly zero: boolean;
  readonly domain: readonly [number, number];
}

/** Cells of a heat map: as many as there are pixels for. */
const HEAT_CELLS = 1200;

export class PlotData {
  summary = $state.raw<Summary | null>(null);
  rows = $state.raw<readonly SpreadRow[]>([]);
  heat = $state.raw<Heat | null>(null);
  panels = $state.raw<readonly GridPanel[]>([]);
  problem = $state.raw<ApiError | null>(null);
  /** Of how many genes how many are read; null where nothing is. */
  progress = $state.raw<{ readonly done: number; readonly of: number } | null>(null);
  private readonly request = new Latest();

  constructor(
    private readonly viewer: Viewer,
    private readonly plots: Plots,
  ) {}

  /** The categories of a column, where they are here. */
  categories(name: string | null): CategoryData | null {
    const field = name === null ? undefined : this.viewer.fields.get(obsKey(name));
    return field?.kind === 'category' ? field : null;
  }

  /** Ask for what the plot chosen needs. It runs again whenever a choice that it reads changes. */
  ask(): void {
    const { kind, genes, groupBy, column, split, ofGenes } = this.plots;
    const { matrix } = this.viewer.view;
    this.problem = null;
    this.request.cancel();
    this.progress = null;
    if (kind === 'composition' || (groupBy === null && kind !== 'grid')) return;
    if (ofGenes && (matrix === null || genes.length === 0)) return;
    const from = matrix ?? '';
    const grouping = kind === 'heat' ? this.categories(groupBy) : null;
    const mask = kind === 'heat' ? this.viewer.result.mask : null;
    untrack(() => {
      if (kind === 'dots' || kind === 'matrix') this.start(this.askSummary(genes, groupBy ?? '', from));
      else if (kind === 'violins') this.start(this.askSpreads(column, genes, groupBy ?? '', split, from));
      else if (kind === 'grid') this.start(this.askPanels(genes, from));
      else if (grouping) this.start(this.askHeat(genes, grouping, mask, from));
    });
  }

  private start(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!isAbort(error)) this.problem = asApiError(error);
      this.progress = null;
    });
  }

  dispose(): void {
    this.request.cancel();
  }

  private async askSummary(genes: readonly string[], groupBy: string, matrix: string): Promise<void> {
    const found = await this.request.run((signal) => this.viewer.api.summary(genes, groupBy, matrix, signal));
    if (found) this.summary = found;
  }

  private async askSpreads(
    column: string | null,
    genes: readonly string[],
    groupBy: string,
    splitBy: string | null,
    matrix: string,
  ): Promise<void> {
    const from = column === null ? matrix : null;
    const names = column === null ? genes : [column];
    this.rows = names.map((name) => ({ name, spread: null }));
    await this.eachGene(names, async (name, signal) => {
      const spread = await this.viewer.api.spread(name, from, groupBy, splitBy, signal);
      if (!signal.aborted) this.rows = this.rows.map((row) => (row.name === name ? { name, spread } : row));
    });
  }

  private async askPanels(genes: readonly string[], matrix: string): Promise<void> {
    const kept = new Map(this.panels.filter((panel) => panel.matrix === matrix).map((panel) => [panel.gene, panel]));
    this.panels = [];
    await this.eachGene(genes, async (gene, signal) => {
      const panel = kept.get(gene) ?? panelOf(gene, matrix, (await this.values(gene, matrix, signal)) ?? []);
      if (!signal.aborted) this.panels = [...this.panels, panel];
    });
  }

  private async askHeat(
    genes: readonly string[],
    grouping: CategoryData,
    mask: Uint8Array | null,
    matrix: string,
  ): Promise<void> {
    const { groups, cells } = sampled(grouping, mask, HEAT_CELLS);
    const rows: { gene: string; values: Float32Array }[] = [];
    const whole = await this.eachGene(genes, async (gene, signal) => {
      const values = await this.values(gene, matrix, signal);
      rows.push({ gene, values: Float32Array.from(cells, (cell) => values[cell] ?? Number.NaN) });
    });
    if (whole) this.heat = { groups, cells, rows };
  }

  private async values(gene: string, matrix: string, signal: AbortSignal): Promise<ArrayLike<number>> {
    const column = await this.viewer.api.expression(gene, matrix, signal);
    return column.layout === 'string' ? [] : column.dense();
  }

  /** Read gene after gene; true where all came and nothing else was asked meanwhile. */
  private async eachGene(
    genes: readonly string[],
    read: (gene: string, signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const done = await this.request.run(async (signal) => {
      for (let k = 0; k < genes.length; k++) {
        this.progress = { done: k, of: genes.length };
        await read(genes[k] as string, signal);
        signal.throwIfAborted();
      }
      this.progress = null;
      return true;
    });
    return done ?? false;
  }
}

function panelOf(gene: string, matrix: string, values: ArrayLike<number>): GridPanel {
  const numbers = Float32Array.from(values);
  const zero = numbers.every((value) => !(value < 0));
  const { codes, domain } = quantise(numbers, { zero, clip: [0, 99.5] });
  return { gene, matrix, codes, zero, domain };
}

/**
 * Some cells of each category, at even steps through its cells in the order of the file, so that the same question has the
 * same answer. Every category has the same share of the room, and leaves to the larger ones what it does not need.
 */
export function sampled(
  { values, categories }: Pick<CategoryData, 'values' | 'categories'>,
  mask: Uint8Array | null,
  most: number,
): Pick<Heat, 'groups' | 'cells'> {
  const lists: number[][] = categories.map(() => []);
  for (let cell = 0; cell < values.length; cell++) {
    if (!mask || mask[cell]) lists[values[cell] as number]?.push(cell);
  }
  const sizes = lists.map((list) => list.length).sort((a, b) => a - b);
  let room = most;
  let cap = 0;
  for (let k = 0; k < sizes.length; k++) {
    cap = Math.floor(room / (sizes.length - k));
    if ((sizes[k] as number) > cap) break;
    room -= sizes[k] as number;
    cap = Number.POSITIVE_INFINITY;
  }
  const groups: { name: string; n: number; shown: number }[] = [];
  const cells: number[] = [];
  lists.forEach((list, code) => {
    const shown = Math.min(list.length, cap);
    if (shown === 0) return;
    for (let k = 0; k < shown; k++) cells.push(list[Math.floor((k * list.length) / shown)] as number);
    groups.push({ name: categories[code] ?? '', n: list.length, shown });
  });
  return { groups, cells: Uint32Array.from(cells) };
}
