/** The drawer of plots: what is plotted, of which genes, in which order. */
import type { MarkersResult, ObsColumn } from '../../api/types';
import type { ColormapName } from '../../color/colormaps';
import type { Comparison } from '../compare/compare.svelte';
import { canGroup } from '../compare/markers.svelte';
import { namesIn } from '../curation/geneSets.svelte';
import type { Viewer } from '../viewer/viewer.svelte';

export type Order = 'given' | 'name' | 'cluster';
/** As the values are; each gene from 0 to 1; each gene in standard deviations from its mean. */
export type Standard = 'none' | 'share' | 'z';

/** More genes than this are no longer read off a plot. */
export const MOST_GENES = 100;
/** Pixels the drawer has at least, and those it leaves the cells above it. */
export const LEAST_HEIGHT = 220;
export const LEAST_ABOVE = 120;
const OF_COMPARISON = 20;
/** Columns that say where cells come from: what one asks the composition by. */
const ORIGIN = /sample|donor|patient|batch|condition|disease|treat|stim/i;
const OF_CATEGORY = 3;
/** A column of more categories would split violins into slivers. */
const MOST_PARTS = 8;

export class Plots {
  place = $state<'closed' | 'drawer' | 'full'>('closed');
  /** Pixels of the drawer where the user chose; null: half of the page. */
  height = $state<number | null>(null);
  /** The kind of plot chosen, by its name in the registry; null: the first that the dataset has data for. */
  kind = $state<string | null>(null);
  /** What the drawer was opened for, where the plot chosen may not serve that. */
  purpose = $state<'genes' | 'gene' | null>(null);
  groupBy = $state<string | null>(null);
  /** The column whose categories make up the others. */
  by = $state<string | null>(null);
  /** The column that splits violins. */
  split = $state<string | null>(null);
  genes = $state.raw<readonly string[]>([]);
  /** Genes that were more than can be plotted. */
  left = $state(0);
  /** Names of a list that no gene has. */
  missed = $state.raw<readonly string[]>([]);
  /** A column to show the spread of, in place of the genes. */
  column = $state<string | null>(null);
  standard = $state<Standard>('none');
  order = $state<Order>('given');
  groupOrder = $state<Order>('given');
  /** Choices of one kind of plot alone, by name. */
  settings = $state.raw<Readonly<Record<string, string>>>({});
  colormap = $state<ColormapName | null>(null);
  /** Whether the numbers are shown in place of the drawing. */
  table = $state(false);
  readonly groupings: readonly ObsColumn[];

  constructor(private readonly viewer: Viewer) {
    this.groupings = viewer.schema.obs.filter(canGroup);
    const { color } = viewer.view;
    const first =
      this.groupings.find((column) => color.kind === 'obs' && column.name === color.column) ?? this.groupings[0];
    this.groupBy = first?.name ?? null;
    const others = this.groupings.filter((column) => column !== first);
    this.by = (others.find((column) => ORIGIN.test(column.name)) ?? others[0])?.name ?? null;
  }

  /** Columns of so few categories that violins can be split by them. */
  get splits(): readonly ObsColumn[] {
    return this.groupings.filter((column) => (column.n_categories ?? 2) <= MOST_PARTS && column.name !== this.groupBy);
  }

  choose(kind: string): void {
    this.kind = kind;
    this.purpose = null;
  }

  open(): void {
    if (this.place === 'closed') this.place = 'drawer';
    if (this.genes.length === 0) this.useRecent();
  }

  use(genes: readonly string[], missed: readonly string[] = []): void {
    const all = [...new Set(genes)];
    this.genes = all.slice(0, MOST_GENES);
    this.left = all.length - this.genes.length;
    this.missed = missed;
    this.column = null;
  }

  /** Bring a list of genes into the plot. */
  show(genes: readonly string[]): void {
    this.use(genes);
    this.purpose = 'genes';
    this.open();
  }

  /** Bring the distribution of one gene into sight. */
  showGene(gene: string): void {
    this.use([gene]);
    this.purpose = 'gene';
    this.open();
  }

  useRecent(): void {
    this.use(this.viewer.view.genes.filter(({ list }) => !list).map(({ gene }) => gene));
  }

  useComparison({ genes }: Comparison): void {
    this.use(genes.slice(0, OF_COMPARISON).map(({ gene }) => gene));
  }

  useMarkers({ groups, group_by }: MarkersResult): void {
    this.groupBy = group_by;
    this.use(groups.flatMap((group) => group.genes.slice(0, OF_CATEGORY).map(({ gene }) => gene)));
  }

  /** Use the genes of a list that the user wrote; names, ids and aliases count whatever their case. */
  async useList(text: string): Promise<void> {
    const { matrix } = this.viewer.view;
    const names = namesIn(text);
    if (matrix === null || names.length === 0) return;
    const found = await this.viewer.api.genesNamed(names, matrix, new AbortController().signal);
    this.use(
      found.genes.map(({ name }) => name),
      found.missing,
    );
  }
}
