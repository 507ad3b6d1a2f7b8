/** The definition of a plot: `PLOTS` in registry.ts has one of each file in kinds/. */
import type { Component } from 'svelte';
import type { Plots } from '../state/plots/plots.svelte';
import type { Table } from '../wire/csv';
import type { Option } from './options';
import type { Page } from './page';

/** Reads the data of a plot. */
export type Loader<Data> = (reading: Reading<Data>) => Promise<Data>;

export interface Reading<Data> {
  /** Aborted once the choices have changed. */
  readonly signal: AbortSignal;
  /** The data shown so far. */
  readonly before: Data | null;
  /** Show the data that are there, while the rest is read. */
  show(data: Data): void;
  /** Read gene by gene, and show the progress. */
  each(genes: readonly string[], read: (gene: string) => Promise<void>): Promise<void>;
}

export interface PlotDefinition<Data> {
  readonly kind: string;
  readonly label: string;
  /** Whether it can be drawn in a dataset without an expression matrix. */
  readonly withoutMatrix?: boolean;
  /** Whether it is the plot to open for a single gene. */
  readonly forOneGene?: boolean;
  /** Shown until there are data. */
  readonly waiting: string;
  /** The controls above the plot, in their order. */
  readonly options: readonly Option[];
  /** Whether it is a plot of the genes in the drawer. */
  ofGenes(plots: Plots): boolean;
  /** Why there is nothing to draw; null if there is. */
  obstacle?(page: Page): string | null;
  /**
   * Load the data of the selected cells.
   * Read the choices that the data depend on, and return what loads the data for them; null while these are incomplete.
   * Called in an effect: a change of a choice calls it again.
   */
  load(page: Page): Loader<Data> | null;
  /** A note on what the plot leaves out or cannot do. */
  warning?(page: Page, data: Data): string | null;
  /** The numbers behind the plot. */
  table(page: Page, data: Data): Table;
  /** The plot in a sentence, for a figure legend. */
  sentence(page: Page, data: Data | null): string;
}

/** What the component of a plot is given. */
export interface PlotProps<Data> {
  readonly page: Page;
  readonly data: Data;
  /** Pixels available. */
  readonly width: number;
  readonly height: number;
  /** A click on a gene, and on a category. */
  readonly ongene: (gene: string) => void;
  readonly ongroup: (group: string) => void;
}

export interface Plot extends PlotDefinition<unknown> {
  readonly component: Component<PlotProps<unknown>>;
}

/** A file of kinds/: a component that exports its definition as `plot`. */
export interface PlotModule<Data> {
  readonly plot: PlotDefinition<Data>;
  readonly default: Component<PlotProps<Data>>;
}

/** A plot whose data are its own affair: the component is only ever given what `load` of the same file returned. */
export function plotOf<Data>({ plot, default: component }: PlotModule<Data>): Plot {
  return { ...plot, component: component as Component<PlotProps<unknown>> } as Plot;
}
