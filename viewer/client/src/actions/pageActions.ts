/** Actions on genes, comparisons and the page. */

import type { Page, Tab } from '../state/page/page.svelte';
import { preferences } from '../state/page/preferences.svelte';
import { goToNextPart } from '../ui/parts';
import { type Action, canCompareHere, hasGenes } from './action';

/** Frames to wait for a field of a panel that is being opened. */
const FRAMES = 120;

function focusSoon(id: string, frames: number): void {
  requestAnimationFrame(() => {
    const field = document.getElementById(id);
    if (field) field.focus();
    else if (frames > 0) focusSoon(id, frames - 1);
  });
}

/** Show a panel and give its tab the focus: what is in the panel is next. */
function openWithFocus(page: Page, tab: Tab): void {
  page.open(tab);
  focusSoon(`tab-${tab}`, FRAMES);
}

export const PAGE_ACTIONS: readonly Action[] = [
  {
    name: 'search',
    label: 'Search a gene',
    group: 'Genes',
    shortcut: '/',
    icon: 'search',
    opensField: 'gene-search',
    enabled: hasGenes,
    perform: ({ page }) => {
      page.open('genes');
      focusSoon('gene-search', FRAMES);
    },
  },
  {
    name: 'set-a',
    label: 'Set A from selection',
    group: 'Compare',
    shortcut: 'a',
    icon: 'set',
    enabled: canCompareHere,
    perform: ({ viewer, page }) => {
      void viewer.selection.makeSet('setA');
      page.open('compare');
    },
  },
  {
    name: 'set-b',
    label: 'Set B from selection',
    group: 'Compare',
    shortcut: 'b',
    icon: 'set',
    enabled: canCompareHere,
    perform: ({ viewer, page }) => {
      void viewer.selection.makeSet('setB');
      page.open('compare');
    },
  },
  {
    name: 'compare',
    label: 'Compare set A with set B',
    words: 'differential expression de diffexp',
    group: 'Compare',
    shortcut: 'c',
    icon: 'compare',
    enabled: (session) => canCompareHere(session) && !session.compare.run.running && session.compare.obstacle === null,
    perform: ({ compare, page }) => {
      openWithFocus(page, 'compare');
      void compare.start();
    },
  },
  {
    name: 'markers',
    label: 'Find markers of the categories',
    words: 'differential expression de genes cluster',
    group: 'Compare',
    shortcut: 'm',
    icon: 'markers',
    enabled: (session) => canCompareHere(session) && session.viewer.groupings.list.length > 0,
    perform: ({ page }) => openWithFocus(page, 'markers'),
  },
  {
    name: 'next-part',
    label: 'Go to the next part of the page',
    words: 'focus cells plot legend genes panel keyboard',
    group: 'Page',
    shortcut: '#',
    icon: 'next',
    perform: goToNextPart,
  },
  {
    name: 'views',
    label: 'Views',
    group: 'Page',
    shortcut: '.',
    icon: 'views',
    enabled: ({ curation }) => curation.isEnabled,
    perform: ({ curation }) => {
      curation.savedItems.open = !curation.savedItems.open;
    },
  },
  {
    name: 'undo',
    label: 'Undo',
    group: 'Page',
    shortcut: 'Mod+z',
    icon: 'undo',
    enabled: ({ viewer }) => viewer.timeline.canUndo,
    perform: ({ viewer }) => viewer.timeline.undo(),
  },
  {
    name: 'redo',
    label: 'Redo',
    group: 'Page',
    shortcut: 'Mod+Shift+z',
    icon: 'redo',
    enabled: ({ viewer }) => viewer.timeline.canRedo,
    perform: ({ viewer }) => viewer.timeline.redo(),
  },
  {
    name: 'link',
    label: 'Share: copy a link to this view',
    words: 'url address',
    group: 'Page',
    shortcut: 'k',
    icon: 'link',
    perform: ({ sharing }) => void sharing.copyLink(),
  },
  {
    name: 'palette',
    label: 'Find anything',
    group: 'Page',
    shortcut: 'Mod+k',
    icon: 'command',
    opensField: 'find-anything',
    perform: ({ page }) => {
      page.palette = true;
    },
  },
  {
    name: 'theme',
    label: 'Switch theme',
    words: 'dark light colours',
    group: 'Page',
    shortcut: 'd',
    icon: 'theme',
    perform: () => preferences.switchTheme(),
  },
  {
    name: 'left',
    label: 'Cells panel',
    group: 'Page',
    shortcut: '[',
    icon: 'left',
    perform: ({ page }) => {
      if (page.narrow) togglePanel(page, 'cells');
      else page.left = !page.left;
    },
  },
  {
    name: 'right',
    label: 'Genes panel',
    group: 'Page',
    shortcut: ']',
    icon: 'right',
    perform: ({ page }) => {
      if (page.narrow) togglePanel(page, 'genes');
      else page.right = !page.right;
    },
  },
  {
    name: 'help',
    label: 'Help and shortcuts',
    group: 'Page',
    shortcut: '?',
    icon: 'help',
    perform: ({ page }) => {
      page.help = true;
    },
  },
];

function togglePanel(page: Page, tab: 'cells' | 'genes'): void {
  if (page.right && page.tab === tab) page.right = false;
  else page.open(tab);
}
