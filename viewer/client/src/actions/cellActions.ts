/** Actions on the selected cells and on annotations. */

import { isFiltered } from '../state/view/view';
import { type Action, hasPlot, hasSelection } from './action';

export const CELL_ACTIONS: readonly Action[] = [
  {
    name: 'clear',
    label: 'Clear selection',
    group: 'Cells',
    shortcut: 'x',
    icon: 'close',
    enabled: ({ viewer }) => isFiltered(viewer.view),
    perform: ({ viewer }) => viewer.clearFilters(),
  },
  {
    name: 'subset',
    label: 'Subset to selection',
    group: 'Cells',
    shortcut: 'z',
    icon: 'subset',
    enabled: ({ viewer }) =>
      isFiltered(viewer.view) && viewer.selection.size > 0 && viewer.selection.size < viewer.size,
    perform: ({ viewer }) => void viewer.selection.subset(),
  },
  {
    name: 'all',
    label: 'Show all cells',
    group: 'Cells',
    shortcut: 'u',
    icon: 'whole',
    enabled: ({ viewer }) => viewer.view.subset !== null,
    perform: ({ viewer }) => viewer.selection.showAllCells(),
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
    label: 'Clear focus',
    group: 'Cells',
    icon: 'close',
    enabled: ({ viewer }) => viewer.view.focus !== null,
    perform: ({ viewer }) => viewer.focusOn(null),
  },
  {
    name: 'invert',
    label: 'Invert selection',
    group: 'Cells',
    shortcut: 'i',
    icon: 'invert',
    enabled: ({ viewer }) => isFiltered(viewer.view),
    perform: ({ viewer }) => void viewer.selection.invert(),
  },
  {
    name: 'label',
    label: 'Label the selected cells',
    group: 'Annotations',
    shortcut: 'n',
    icon: 'tag',
    opensField: 'assign-label',
    enabled: hasSelection,
    perform: ({ curation }) => {
      curation.picking = true;
    },
  },
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(
    (n): Action => ({
      name: `label-${n}`,
      label: n === 1 ? 'Assign the 1st to 9th label' : `Assign label ${n}`,
      group: 'Annotations',
      shortcut: String(n),
      icon: 'tag',
      silent: n > 1,
      enabled: (session) =>
        hasSelection(session) && session.curation.annotations.active?.value.labels[n - 1] !== undefined,
      perform: ({ curation }) => curation.annotations.assignNth(n),
    }),
  ),
  {
    name: 'unlabel',
    label: 'Unlabel the selected cells',
    group: 'Annotations',
    shortcut: '0',
    icon: 'close',
    enabled: (session) => hasSelection(session) && session.curation.annotations.active !== null,
    perform: ({ curation }) => curation.annotations.assignNth(0),
  },
  {
    name: 'fit',
    label: 'Reset view',
    group: 'Plot',
    shortcut: '0',
    icon: 'fit',
    enabled: hasPlot,
    perform: ({ viewer }) => viewer.pane.showAll(),
  },
  {
    name: 'new-annotation',
    label: 'New annotation',
    group: 'Annotations',
    icon: 'plus',
    enabled: ({ curation }) => curation.canEdit,
    perform: ({ curation }) => {
      curation.dialog = { kind: 'new-annotation' };
    },
  },
  {
    name: 'name-categories',
    label: 'Name clusters from a table',
    words: 'rename annotate cell types categories paste map',
    group: 'Annotations',
    icon: 'list',
    enabled: ({ curation, viewer }) => curation.canEdit && viewer.groupings.list.length > 0,
    perform: ({ curation }) => {
      curation.dialog = { kind: 'name-categories', from: null };
    },
  },
  {
    name: 'agreement',
    label: 'Compare two annotations or columns',
    group: 'Annotations',
    icon: 'table',
    enabled: ({ curation }) => curation.isEnabled,
    perform: ({ curation }) => {
      curation.dialog = { kind: 'agreement', id: null };
    },
  },
];
