/** Everything the page can do, as data: buttons, shortcuts, the command palette and the help dialog come from here. */
import type { IconName } from '../panels/icons';
import type { Compare } from './compare.svelte';
import type { Curation } from './curation.svelte';
import type { GeneSets } from './genesets.svelte';
import type { Markers } from './markers.svelte';
import type { Page } from './page.svelte';
import { tissueOf } from './pane.svelte';
import type { Plots } from './plots.svelte';
import { preferences } from './preferences.svelte';
import type { Server } from './server.svelte';
import type { Sharing } from './sharing.svelte';
import { canCompare, isCompareOff, isFiltered } from './view';
import type { Viewer } from './viewer.svelte';

export interface Session {
  readonly viewer: Viewer;
  readonly compare: Compare;
  readonly markers: Markers;
  readonly plots: Plots;
  readonly geneSets: GeneSets;
  readonly page: Page;
  readonly server: Server;
  readonly sharing: Sharing;
  readonly curation: Curation;
}

export interface Action {
  readonly name: string;
  readonly label: string;
  readonly group: 'Plot' | 'Cells' | 'Labels' | 'Genes' | 'Compare' | 'Page';
  /** As `KeyboardEvent.key` has it, with `Mod+` for Ctrl or Command. */
  readonly shortcut?: string;
  readonly icon: IconName;
  /** Keys alone perform it: one of its kind stands for it where commands are listed. */
  readonly silent?: boolean;
  readonly enabled?: (session: Session) => boolean;
  readonly perform: (session: Session) => void;
}

const hasPlot = ({ viewer }: Session) => viewer.view.embedding !== null;
const hasSelection = ({ viewer, curation }: Session) =>
  curation.canMake && isFiltered(viewer.view) && viewer.result.passing > 0;
const hasGenes = ({ viewer }: Session) => viewer.view.matrix !== null;
const canCompareHere = (session: Session) => hasGenes(session) && canCompare(session.viewer.schema);

const LIST: readonly Action[] = [
  {
    name: 'pan',
    label: 'Move the plot',
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
    label: 'Select the cells in sight',
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
    name: 'labels',
    label: 'Names on the plot',
    group: 'Plot',
    shortcut: 't',
    icon: 'tag',
    enabled: hasPlot,
    perform: () => preferences.set({ labels: !preferences.choices.labels }),
  },
  {
    name: 'tissue',
    label: 'Picture of the tissue under the cells',
    group: 'Plot',
    shortcut: 'h',
    icon: 'picture',
    enabled: ({ viewer }) => viewer.place !== null && tissueOf(viewer.schema, viewer.place.name) !== null,
    perform: () => preferences.set({ tissue: !preferences.choices.tissue }),
  },
  {
    name: 'contours',
    label: 'Lines of equal density',
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
    label: 'Two genes or measurements at once',
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
    label: 'One, two or four plots',
    group: 'Plot',
    shortcut: ',',
    icon: 'pane4',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.choosePanes(viewer.panes.length === 1 ? 2 : viewer.panes.length === 2 ? 4 : 1),
  },
  {
    name: 'next-pane',
    label: 'Work in the next plot',
    group: 'Plot',
    shortcut: 'w',
    icon: 'next',
    enabled: ({ viewer }) => viewer.panes.length > 1,
    perform: ({ viewer }) => viewer.activate((viewer.view.active + 1) % viewer.panes.length),
  },
  {
    name: 'plots',
    label: 'Dot plot, heat map, violins, composition',
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
    label: 'Save the plot, its numbers or a legend',
    group: 'Plot',
    shortcut: 's',
    icon: 'download',
    enabled: hasPlot,
    perform: ({ page }) => {
      page.saving = true;
    },
  },
  {
    name: 'table',
    label: 'The cells as a table',
    group: 'Plot',
    shortcut: 'y',
    icon: 'table',
    enabled: ({ viewer }) => viewer.coloring.kind !== 'plain',
    perform: ({ page }) => {
      page.table = true;
    },
  },
  {
    name: 'clear',
    label: 'Select all cells again',
    group: 'Cells',
    shortcut: 'x',
    icon: 'close',
    enabled: ({ viewer }) => isFiltered(viewer.view),
    perform: ({ viewer }) => viewer.clearFilters(),
  },
  {
    name: 'subset',
    label: 'Go on with the selected cells alone',
    group: 'Cells',
    shortcut: 'z',
    icon: 'subset',
    enabled: ({ viewer }) =>
      isFiltered(viewer.view) && viewer.result.passing > 0 && viewer.result.passing < viewer.size,
    perform: ({ viewer }) => void viewer.subset(),
  },
  {
    name: 'all',
    label: 'Go back to all cells of the dataset',
    group: 'Cells',
    shortcut: 'u',
    icon: 'whole',
    enabled: ({ viewer }) => viewer.view.subset !== null,
    perform: ({ viewer }) => viewer.leaveSubset(),
  },
  {
    name: 'focus',
    label: 'Focus the cell in the middle of the plot',
    group: 'Cells',
    shortcut: 'j',
    icon: 'focus',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.focusMiddle(),
  },
  {
    name: 'unfocus',
    label: 'Let go of the focused cell',
    group: 'Cells',
    icon: 'close',
    enabled: ({ viewer }) => viewer.view.focus !== null,
    perform: ({ viewer }) => viewer.focusOn(null),
  },
  {
    name: 'invert',
    label: 'Select the other cells',
    group: 'Cells',
    shortcut: 'i',
    icon: 'invert',
    enabled: ({ viewer }) => isFiltered(viewer.view),
    perform: ({ viewer }) => void viewer.invert(),
  },
  {
    name: 'label',
    label: 'Label the selected cells',
    group: 'Labels',
    shortcut: 'n',
    icon: 'tag',
    enabled: hasSelection,
    perform: ({ curation }) => {
      curation.picking = true;
    },
  },
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(
    (n): Action => ({
      name: `label-${n}`,
      label: n === 1 ? 'Label them as the 1st to 9th category' : `Label them as category ${n}`,
      group: 'Labels',
      shortcut: String(n),
      icon: 'tag',
      silent: n > 1,
      enabled: (session) =>
        hasSelection(session) && session.curation.labels.active?.value.categories[n - 1] !== undefined,
      perform: ({ curation }) => curation.labels.assignNth(n),
    }),
  ),
  {
    name: 'unlabel',
    label: 'Take their label away',
    group: 'Labels',
    shortcut: '0',
    icon: 'close',
    enabled: (session) => hasSelection(session) && session.curation.labels.active !== null,
    perform: ({ curation }) => curation.labels.assignNth(0),
  },
  {
    name: 'fit',
    label: 'Show all cells',
    group: 'Plot',
    shortcut: '0',
    icon: 'fit',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.pane.showAll(),
  },
  {
    name: 'new-label',
    label: 'New label',
    group: 'Labels',
    icon: 'plus',
    enabled: ({ curation }) => curation.canMake,
    perform: ({ curation }) => {
      curation.dialog = { kind: 'new-label' };
    },
  },
  {
    name: 'agreement',
    label: 'Compare two labels or columns',
    group: 'Labels',
    icon: 'table',
    enabled: ({ curation }) => curation.isKept,
    perform: ({ curation }) => {
      curation.dialog = { kind: 'agreement', id: null };
    },
  },
  {
    name: 'search',
    label: 'Search a gene',
    group: 'Genes',
    shortcut: '/',
    icon: 'search',
    enabled: hasGenes,
    perform: ({ page }) => {
      page.open('genes');
      requestAnimationFrame(() => document.getElementById('gene-search')?.focus());
    },
  },
  {
    name: 'set-a',
    label: 'Keep the selected cells as set A',
    group: 'Compare',
    shortcut: 'a',
    icon: 'set',
    enabled: canCompareHere,
    perform: ({ viewer, page }) => {
      void viewer.keepSet('setA');
      page.open('compare');
    },
  },
  {
    name: 'set-b',
    label: 'Keep the selected cells as set B',
    group: 'Compare',
    shortcut: 'b',
    icon: 'set',
    enabled: canCompareHere,
    perform: ({ viewer, page }) => {
      void viewer.keepSet('setB');
      page.open('compare');
    },
  },
  {
    name: 'compare',
    label: 'Compare set A with set B',
    group: 'Compare',
    shortcut: 'c',
    icon: 'compare',
    enabled: (session) => canCompareHere(session) && !session.compare.run.running && session.compare.obstacle === null,
    perform: ({ compare, page }) => {
      page.open('compare');
      void compare.start();
    },
  },
  {
    name: 'markers',
    label: 'Find markers of the categories',
    group: 'Compare',
    shortcut: 'm',
    icon: 'markers',
    enabled: (session) => canCompareHere(session) && session.markers.columns.length > 0,
    perform: ({ page }) => page.open('markers'),
  },
  {
    name: 'views',
    label: 'Views',
    group: 'Page',
    shortcut: '.',
    icon: 'views',
    enabled: ({ curation }) => curation.isKept,
    perform: ({ curation }) => {
      curation.kept.open = !curation.kept.open;
    },
  },
  {
    name: 'undo',
    label: 'Undo',
    group: 'Page',
    shortcut: 'Mod+z',
    icon: 'undo',
    enabled: ({ viewer }) => viewer.canUndo,
    perform: ({ viewer }) => viewer.undo(),
  },
  {
    name: 'redo',
    label: 'Redo',
    group: 'Page',
    shortcut: 'Mod+Shift+z',
    icon: 'redo',
    enabled: ({ viewer }) => viewer.canRedo,
    perform: ({ viewer }) => viewer.redo(),
  },
  {
    name: 'link',
    label: 'Copy a link to this view',
    group: 'Page',
    shortcut: 'k',
    icon: 'link',
    perform: ({ sharing }) => void sharing.copyLink(),
  },
  {
    name: 'palette',
    label: 'Find a command',
    group: 'Page',
    shortcut: 'Mod+k',
    icon: 'command',
    perform: ({ page }) => {
      page.palette = true;
    },
  },
  {
    name: 'theme',
    label: 'Switch light and dark',
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

export const actions: readonly Action[] = LIST;

/** Whether an action is there at all: not where its kind is switched off on this server. */
export function isOffered(action: Action, { viewer }: Session): boolean {
  return action.group !== 'Compare' || !isCompareOff(viewer.schema);
}

export function actionNamed(name: string): Action {
  const found = LIST.find((action) => action.name === name);
  if (!found) throw new RangeError(`no action ${name}`);
  return found;
}

/** The keys of a shortcut as they are printed on the user's keyboard. */
export function shortcutKeys(shortcut: string): string[] {
  const mac = navigator.platform.startsWith('Mac');
  return shortcut
    .split('+')
    .flatMap((key, k, keys) => (key === '' ? (k === keys.length - 1 ? ['+'] : []) : [key]))
    .map((key) => {
      if (key === 'Mod') return mac ? '⌘' : 'Ctrl';
      if (key === 'Shift') return mac ? '⇧' : 'Shift';
      return key.length === 1 ? key.toUpperCase() : key;
    });
}

/** Perform the action a key press means. False where it means none. */
export function performShortcut(event: KeyboardEvent, session: Session): boolean {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = mod ? `Mod+${event.shiftKey ? 'Shift+' : ''}${key}` : key;
  const meant = pressed === 'Mod+y' ? 'Mod+Shift+z' : pressed;
  if (!mod && isTyping(event.target)) return false;
  // A key may mean one thing where cells are to be labelled and another elsewhere: the first that can be done counts.
  const action = LIST.find((candidate) => candidate.shortcut === meant && (candidate.enabled?.(session) ?? true));
  if (!action) return false;
  action.perform(session);
  return true;
}

/** Where keys are text, or belong to a list that is open. */
const TYPING =
  'input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [aria-expanded=true][role=combobox], [role=listbox]';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(TYPING) !== null;
}
