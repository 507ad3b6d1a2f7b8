/** Plots of the drawer as panels of a figure: laid out anew at the size of the panel, with the choices of now. */
import { mount } from 'svelte';
import { groupingKey } from '../state/fields/groupings.svelte';
import type { PanelSource } from '../ui/drawing/panel';
import { drawnOutside } from './drawnOutside';
import type { Page } from './page';
import type { Plot, PlotProps } from './plot';

/** The height of a panel in its widths, where the plot asks for one. */
const ASPECT = 0.75;

/** Return an object with some values as they are now. */
function fixed<T extends object>(of: T, values: Partial<T>): T {
  const kept = new Map<PropertyKey, unknown>(Object.entries(values));
  return new Proxy(of, {
    get(target, key) {
      if (kept.has(key)) return kept.get(key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Return the choices of the drawer and the selection as they are now. */
function frozen({ viewer, plots }: Page): Page {
  const {
    groupBy,
    by,
    split,
    genes,
    geneGroups,
    column,
    standard,
    order,
    groupOrder,
    arrangement,
    settings,
    colormap,
  } = plots;
  const { mask, within, size, subsetMask } = viewer.selection;
  return {
    plots: fixed(plots, {
      ...{
        groupBy,
        by,
        split,
        genes,
        geneGroups,
        column,
        standard,
        order,
        groupOrder,
        arrangement,
        settings,
        colormap,
      },
    }),
    viewer: fixed(viewer, {
      view: viewer.view,
      place: viewer.place,
      selection: fixed(viewer.selection, { mask, within, size, subsetMask }),
    }),
  };
}

/** Return a plot with its data as it is now. */
export function plotPanel(page: Page, plot: Plot, data: unknown, text: string): PanelSource {
  const now = frozen(page);
  return {
    title: plot.label,
    text,
    draw: (request) => {
      const { width } = request;
      const height = request.height ?? width * ASPECT;
      const props: PlotProps<unknown> = { page: now, data, width, height, ongene: () => {}, ongroup: () => {} };
      return drawnOutside((target) => mount(plot.component, { target, props }), request, height);
    },
  };
}

/** Load the data of a plot with the choices of now, and return it as a panel; its obstacle if there is one. */
export async function loadedPanel(
  page: Page,
  plot: Plot,
  text: (data: unknown) => string,
): Promise<PanelSource | string> {
  const { groupBy, by, split } = page.plots;
  const columns = [groupBy, by, split].filter((name) => name !== null);
  await Promise.all(columns.map((name) => page.viewer.fields.load(groupingKey(name))));
  const obstacle = plot.obstacle?.(page);
  if (obstacle) return obstacle;
  const load = plot.load(page);
  if (!load) return `${plot.label}: choose its genes and columns in the drawer “Plots” first.`;
  const { signal } = new AbortController();
  const data = await load({
    signal,
    before: null,
    show: () => {},
    each: async (genes, read) => {
      for (const gene of genes) await read(gene);
    },
  });
  return plotPanel(page, plot, data, text(data));
}
