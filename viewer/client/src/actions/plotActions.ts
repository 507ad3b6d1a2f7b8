/** Actions on the plots. */

import { preferences } from '../state/page/preferences.svelte';
import { tissueOf } from '../state/viewer/place';
import { type Action, hasPlot } from './action';

export const PLOT_ACTIONS: readonly Action[] = [
  {
    name: 'pan',
    label: 'Pan',
    group: 'Plot',
    shortcut: 'v',
    icon: 'hand',
    enabled: hasPlot,
    perform: ({ viewer }) => {
      viewer.mode = 'pan';
    },
  },
  {
    name: 'lasso',
    label: 'Select with a lasso',
    group: 'Plot',
    shortcut: 'l',
    icon: 'lasso',
    enabled: hasPlot,
    perform: ({ viewer }) => {
      viewer.mode = 'lasso';
    },
  },
  {
    name: 'rectangle',
    label: 'Select with a rectangle',
    group: 'Plot',
    shortcut: 'r',
    icon: 'rectangle',
    enabled: hasPlot,
    perform: ({ viewer }) => {
      viewer.mode = 'rectangle';
    },
  },
  {
    name: 'polygon',
    label: 'Select with a polygon',
    group: 'Plot',
    shortcut: 'o',
    icon: 'polygon',
    enabled: hasPlot,
    perform: ({ viewer }) => {
      viewer.mode = 'polygon';
    },
  },
  {
    name: 'in-sight',
    label: 'Select visible cells',
    group: 'Cells',
    shortcut: 'f',
    icon: 'eye',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.selectInSight(),
  },
  {
    name: 'zoom-in',
    label: 'Zoom in',
    group: 'Plot',
    shortcut: '+',
    icon: 'plus',
    enabled: hasPlot,
    perform: ({ page }) => page.scatter?.zoomBy(1.5, undefined, undefined, true),
  },
  {
    name: 'zoom-out',
    label: 'Zoom out',
    group: 'Plot',
    shortcut: '-',
    icon: 'minus',
    enabled: hasPlot,
    perform: ({ page }) => page.scatter?.zoomBy(1 / 1.5, undefined, undefined, true),
  },
  {
    name: 'names',
    label: 'Show names of categories',
    group: 'Plot',
    shortcut: 't',
    icon: 'tag',
    enabled: hasPlot,
    perform: () => preferences.set({ names: !preferences.choices.names }),
  },
  {
    name: 'tissue',
    label: 'Show image of the tissue',
    group: 'Plot',
    shortcut: 'h',
    icon: 'picture',
    enabled: ({ viewer }) => viewer.place !== null && tissueOf(viewer.schema, viewer.place.name) !== null,
    perform: ({ viewer }) => viewer.setTissue({ image: !viewer.view.tissue.image }),
  },
  {
    name: 'contours',
    label: 'Show density contours',
    group: 'Plot',
    shortcut: ';',
    icon: 'contours',
    enabled: hasPlot,
    perform: () => preferences.set({ contours: !preferences.choices.contours }),
  },
  {
    name: 'embedding',
    label: 'Next embedding',
    group: 'Plot',
    shortcut: 'e',
    icon: 'layers',
    enabled: ({ viewer }) => viewer.schema.embeddings.length > 1,
    perform: ({ viewer }) => {
      const names = viewer.schema.embeddings.map((embedding) => embedding.name);
      const next = names[(names.indexOf(viewer.view.embedding ?? '') + 1) % names.length];
      if (next) viewer.chooseEmbedding(next);
    },
  },
  {
    name: 'two',
    label: 'Combine two genes or measurements',
    group: 'Plot',
    shortcut: 'g',
    icon: 'axes',
    enabled: hasPlot,
    perform: ({ page }) => {
      page.two = true;
    },
  },
  {
    name: 'gallery',
    label: 'Gallery of genes or categories',
    group: 'Plot',
    shortcut: 'q',
    icon: 'gallery',
    enabled: hasPlot,
    perform: ({ viewer }) => {
      const { view } = viewer;
      if (view.gallery) viewer.commit({ ...view, gallery: null });
      else viewer.showGallery(view.genes.length > 1 ? 'genes' : 'categories');
    },
  },
  {
    name: 'panes-1',
    label: 'One plot',
    group: 'Plot',
    icon: 'pane1',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.choosePanes(1),
  },
  {
    name: 'panes-2',
    label: 'Two plots side by side',
    group: 'Plot',
    icon: 'pane2',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.choosePanes(2),
  },
  {
    name: 'panes-4',
    label: 'Four plots',
    group: 'Plot',
    icon: 'pane4',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.choosePanes(4),
  },
  {
    name: 'panes',
    label: 'Switch between one, two and four plots',
    group: 'Plot',
    shortcut: ',',
    icon: 'pane4',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.choosePanes(viewer.panes.length === 1 ? 2 : viewer.panes.length === 2 ? 4 : 1),
  },
  {
    name: 'next-pane',
    label: 'Activate the next plot',
    group: 'Plot',
    shortcut: 'w',
    icon: 'next',
    enabled: ({ viewer }) => viewer.panes.length > 1,
    perform: ({ viewer }) => viewer.activate((viewer.view.active + 1) % viewer.panes.length),
  },
  {
    name: 'plots',
    label: 'Plots: dot plot, heat map, violins, composition',
    words: 'heatmap dotplot matrix',
    group: 'Plot',
    shortcut: 'p',
    icon: 'plots',
    enabled: ({ plots }) => plots.groupings.length > 0,
    perform: ({ plots }) => {
      if (plots.place === 'closed') plots.open();
      else plots.place = 'closed';
    },
  },
  {
    name: 'picture',
    label: 'Save the figure, its data or its legend',
    words: 'export download png svg picture image csv',
    group: 'Plot',
    shortcut: 's',
    icon: 'download',
    enabled: hasPlot,
    perform: ({ page }) => {
      page.saving = true;
    },
  },
  {
    name: 'figure',
    label: 'Figure of several panels',
    words: 'multi panel publication letters journal export pdf svg png',
    group: 'Plot',
    shortcut: "'",
    icon: 'pane4',
    perform: ({ viewer }) => {
      viewer.figure.open = true;
    },
  },
  {
    name: 'table',
    label: 'Show cells as a table',
    group: 'Plot',
    shortcut: 'y',
    icon: 'table',
    enabled: ({ viewer }) => viewer.coloring.kind !== 'plain',
    perform: ({ page }) => {
      page.table = true;
    },
  },
];
