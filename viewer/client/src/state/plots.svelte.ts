/** The drawer of plots: what is plotted, of which genes, in which order. */
import type { MarkersResult, ObsColumn } from '../api/types';
import type { Comparison } from './compare.svelte';
import { canGroup } from './markers.svelte';
import type { Viewer } from './viewer.svelte';

export type PlotKind = 'dots' | 'violins' | 'composition';
export type Order = 'given' | 'name' | 'cluster';

/** More genes than this are no longer read off a plot. */
export const MOST_GENES = 100;
const OF_COMPARISON = 20;
/** Columns that say where cells come from: what one asks the composition by. */
const ORIGIN = /sample|donor|patient|batch|condition|disease|treat|stim/i;
const OF_CATEGORY = 3;

export class Plots {
  place = $state<'closed' | 'drawer' | 'full'>('closed');
  kind = $state<PlotKind>('dots');
  groupBy = $state<string | null>(null);
  /** The column whose categories make up the others. */
  by = $state<string | null>(null);
  genes = $state.raw<readonly string[]>([]);
  /** Names of a list that no gene has. */
  missed = $state.raw<readonly string[]>([]);
  /** A column to show the spread of, in place of the genes. */
  column = $state<string | null>(null);
  standardise = $state(false);
  order = $state<Order>('given');
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

  open(): void {
    if (this.place === 'closed') this.place = 'drawer';
    if (this.genes.length === 0) this.useRecent();
    if (this.viewer.view.matrix === null) this.kind = 'composition';
  }

  use(genes: readonly string[], missed: readonly string[] = []): void {
    this.genes = [...new Set(genes)].slice(0, MOST_GENES);
    this.missed = missed;
    this.column = null;
  }

  useRecent(): void {
    this.use(this.viewer.view.genes.map(({ gene }) => gene));
  }

  useComparison({ genes }: Comparison): void {
    this.use(genes.slice(0, OF_COMPARISON).map(({ gene }) => gene));
  }

  useMarkers({ groups, group_by }: MarkersResult): void {
    this.groupBy = group_by;
    this.use(groups.flatMap((group) => group.genes.slice(0, OF_CATEGORY).map(({ gene }) => gene)));
  }

  /** Use the genes of a list that the user wrote; names and ids count whatever their case. */
  async useList(text: string): Promise<void> {
    const { matrix } = this.viewer.view;
    if (matrix === null) return;
    const wanted = [...new Set(text.split(/[\s,;]+/).filter(Boolean))].slice(0, MOST_GENES);
    const found: string[] = [];
    const missed: string[] = [];
    for (const name of wanted) {
      const { genes } = await this.viewer.api.genes(name, matrix, 10, new AbortController().signal);
      const lower = name.toLowerCase();
      const gene = genes.find((other) => other.name.toLowerCase() === lower || other.id?.toLowerCase() === lower);
      if (gene) found.push(gene.name);
      else missed.push(name);
    }
    this.use(found, missed);
  }
}
