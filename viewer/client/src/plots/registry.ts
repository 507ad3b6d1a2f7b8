/** The kinds of plot. Nothing else knows their names: to add one, write a file of kinds/ and list it here. */
import type { Plots } from '../state/plots/plots.svelte';
import * as composition from './kinds/Composition.svelte';
import * as dots from './kinds/DotPlot.svelte';
import * as grid from './kinds/GridPlot.svelte';
import * as heat from './kinds/HeatPlot.svelte';
import * as matrix from './kinds/MatrixPlot.svelte';
import * as violins from './kinds/Violins.svelte';
import type { Page } from './page';
import { type Plot, plotOf } from './plot';

/** In the order of the drawer. */
export const PLOTS: readonly Plot[] = [
  plotOf(dots),
  plotOf(matrix),
  plotOf(heat),
  plotOf(violins),
  plotOf(grid),
  plotOf(composition),
];

/** The plots that the dataset has data for. */
export function availablePlots({ viewer }: Page): readonly Plot[] {
  return viewer.view.matrix === null ? PLOTS.filter(({ withoutMatrix }) => withoutMatrix) : PLOTS;
}

/** The plot to draw: the one chosen if it serves the purpose that the drawer was opened for, or else the first that does. */
export function plotFor({ kind, purpose }: Pick<Plots, 'kind' | 'purpose'>, page: Page): Plot {
  const available = availablePlots(page);
  const chosen = available.find((plot) => plot.kind === kind);
  const ofGenes = (plot: Plot) => plot.ofGenes(page.plots);
  const hasMatrix = page.viewer.view.matrix !== null;
  const fitting =
    purpose === 'gene'
      ? available.find(({ forOneGene }) => forOneGene)
      : purpose === 'genes' && chosen && !ofGenes(chosen)
        ? available.find(ofGenes)
        : chosen;
  return fitting ?? available.find((plot) => ofGenes(plot) === hasMatrix) ?? (PLOTS[0] as Plot);
}
