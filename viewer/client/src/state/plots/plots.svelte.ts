/** The choices of the drawer of plots. */
import type { MarkersResult } from '../../api/types';
import type { ColormapName } from '../../color/colormaps';
import type { Comparison } from '../compare/compare.svelte';
import { aliasesOf, namesIn } from '../curation/geneSets.svelte';
import { type Grouping, replacedBy } from '../fields/groupings.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import { AllMeans } from './allMeans.svelte';
import { type Arrangement, AS_GIVEN, inOrder, moved, type NameGroup } from './arrangement';

export const ORDERS = ['given', 'name', 'cluster'] as const;
export type Order = (typeof ORDERS)[number];
/** Values unchanged; each gene scaled from 0 to 1; each gene as z-scores. */
export const STANDARDS = ['none', 'share', 'z'] as const;
export type Standard = (typeof STANDARDS)[number];

/** The limit of genes in a plot. */
export const MOST_GENES = 100;
/** The minimum heights of the drawer and of the cells above it in pixels. */
export const LEAST_HEIGHT = 220;
export const LEAST_ABOVE = 120;
const OF_COMPARISON = 20;
/** Columns with the origin of cells, the default for compositions. */
const ORIGIN = /sample|donor|patient|batch|condition|disease|treat|stim/i;
export const OF_CATEGORY = 3;
/** The limit of categories of a column that splits violins. */
const MOST_PARTS = 8;

export class Plots {
  place = $state<'closed' | 'drawer' | 'full'>('closed');
  /** Whether the drawer was opened by a link, and so takes no focus. */
  isRestored = $state(false);
  /** The height that the user has chosen in pixels; null: half of the page. */
  height = $state<number | null>(null);
  /** The kind of plot chosen, by its name in the registry; null: the first that the dataset has data for. */
  kind = $state<string | null>(null);
  /** The purpose that the drawer was opened for; the chosen plot may not serve it. */
  purpose = $state<'genes' | 'gene' | null>(null);
  groupBy = $state<string | null>(null);
  /** The column of the parts in a composition. */
  by = $state<string | null>(null);
  /** The column that splits violins. */
  split = $state<string | null>(null);
  genes = $state.raw<readonly string[]>([]);
  /** The categories that the genes are markers of; none if they are from elsewhere. */
  geneGroups = $state.raw<readonly NameGroup[]>([]);
  /** The number of genes beyond the limit. */
  left = $state(0);
  /** The names of the last list that no gene has. */
  missed = $state.raw<readonly string[]>([]);
  /** Those that were found by another name, as “CD45 → PTPRC”. */
  aliases = $state.raw<readonly string[]>([]);
  /** The column whose distribution is shown in place of genes. */
  column = $state<string | null>(null);
  standard = $state<Standard>('none');
  order = $state<Order>('given');
  groupOrder = $state<Order>('given');
  /** The categories as the user has arranged them, by the column or annotation. */
  private arrangements = $state.raw<Readonly<Record<string, Arrangement>>>({});
  /** Choices of single kinds of plots, by name. */
  settings = $state.raw<Readonly<Record<string, string>>>({});
  colormap = $state<ColormapName | null>(null);
  /** Whether the data are shown as a table. */
  table = $state(false);

  readonly allMeans: AllMeans;

  constructor(private readonly viewer: Viewer) {
    this.allMeans = new AllMeans(viewer);
    const { color } = viewer.view;
    const { groupings } = this;
    const first = groupings.find(({ name }) => color.kind === 'obs' && name === color.column) ?? groupings[0];
    this.groupBy = first?.id ?? null;
    const others = groupings.filter((column) => column !== first);
    this.by = (others.find(({ name }) => ORIGIN.test(name)) ?? others[0])?.id ?? null;
    viewer.groupings.onReplaced((from, to) => this.follow(from, to));
  }

  /** The columns and annotations that cells can be grouped by. */
  get groupings(): readonly Grouping[] {
    return this.viewer.groupings.list;
  }

  /** The order of the categories that cells are grouped by, and the hidden ones. */
  get arrangement(): Arrangement {
    return (this.groupBy !== null && this.arrangements[this.groupBy]) || AS_GIVEN;
  }

  /** Arrange the categories as a link says. */
  arrangeGroups(order: readonly string[], hidden: ReadonlySet<string>): void {
    this.arrange({ order, hidden });
  }

  private arrange(arrangement: Arrangement): void {
    if (this.groupBy !== null) this.arrangements = { ...this.arrangements, [this.groupBy]: arrangement };
  }

  /** Move a category; the others of the column are given as well. */
  moveGroup(names: readonly string[], from: number, to: number): void {
    const { hidden } = this.arrangement;
    this.arrange({ order: moved(inOrder(names, this.arrangement), from, to), hidden });
    this.groupOrder = 'given';
  }

  /** Put the categories into an order. */
  orderGroups(order: readonly string[]): void {
    this.arrange({ order, hidden: this.arrangement.hidden });
    this.groupOrder = 'given';
  }

  /** Hide categories, and show those that are not among them. */
  hideGroups(hidden: ReadonlySet<string>): void {
    this.arrange({ ...this.arrangement, hidden });
  }

  /** Show all categories in the order given. */
  resetGroups(): void {
    this.arrange(AS_GIVEN);
  }

  moveGene(from: number, to: number): void {
    this.genes = moved(this.genes, from, to);
    this.order = 'given';
  }

  /** Update the choices after another column took the place of one, or none. */
  private follow(from: string, to: string | null): void {
    const other = this.groupings.find(({ id }) => replacedBy(id, from, null) !== null)?.id ?? null;
    if (this.groupBy !== null) this.groupBy = replacedBy(this.groupBy, from, to) ?? other;
    if (this.by !== null) this.by = replacedBy(this.by, from, to) ?? other;
    if (this.split !== null) this.split = replacedBy(this.split, from, to);
  }

  /** The columns that can split violins. */
  get splits(): readonly Grouping[] {
    return this.groupings.filter(({ id, n }) => n <= MOST_PARTS && id !== this.groupBy);
  }

  choose(kind: string): void {
    if (this.kind !== null && this.kind !== kind) this.table = false;
    this.kind = kind;
    this.purpose = null;
  }

  /** Open the drawer as it was when a link was made. */
  restore(place: 'drawer' | 'full'): void {
    this.isRestored = true;
    this.place = place;
  }

  /** Return whether a column has numbers, whose distribution can be shown. */
  isMeasurement(column: string): boolean {
    return this.viewer.schema.obs.some(({ name, kind }) => name === column && kind === 'continuous');
  }

  open(): void {
    if (this.place === 'closed') {
      this.place = 'drawer';
      this.table = false;
    }
    if (this.genes.length === 0) this.useRecent();
  }

  use(genes: readonly string[], missed: readonly string[] = []): void {
    const all = [...new Set(genes)];
    this.genes = all.slice(0, MOST_GENES);
    this.left = all.length - this.genes.length;
    this.missed = missed;
    this.aliases = [];
    this.geneGroups = [];
    this.column = null;
  }

  /** Open the drawer with a list of genes. */
  show(genes: readonly string[]): void {
    this.use(genes);
    this.purpose = 'genes';
    this.open();
  }

  /** Open the drawer with the best markers of each category. */
  showMarkers(result: MarkersResult): void {
    this.useMarkers(result);
    this.purpose = 'genes';
    this.open();
  }

  /** Open the drawer with the distribution of a gene. */
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
    this.useBest(
      group_by,
      groups.map(({ name, genes }) => ({ name, names: genes.map(({ gene }) => gene) })),
    );
  }

  /** Use the first genes of each category of a column. */
  useBest(groupBy: string, groups: readonly NameGroup[]): void {
    if (this.groupings.some(({ id }) => id === groupBy)) this.groupBy = groupBy;
    const best = groups.map(({ name, names }) => ({ name, names: names.slice(0, OF_CATEGORY) }));
    this.use(best.flatMap(({ names }) => names));
    this.geneGroups = best;
  }

  /** Use the genes of a text with names, ids or aliases; case is ignored. */
  async useList(text: string): Promise<void> {
    const { matrix } = this.viewer.view;
    const names = namesIn(text);
    if (matrix === null || names.length === 0) return;
    const found = await this.viewer.api.genesNamed(names, matrix, new AbortController().signal);
    this.use(
      found.genes.map(({ name }) => name),
      found.missing,
    );
    this.aliases = aliasesOf(found.genes);
  }
}
