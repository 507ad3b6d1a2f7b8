/** What can be saved, exported and imported: the items of the menu and of the search. */
import { groupingName } from '../state/fields/groupings.svelte';
import type { Session } from '../state/session';
import { isCompareDisabled } from '../state/view/view';
import { count } from '../ui/format';
import type { MenuItem } from '../ui/overlays/menu';

/** The means of all genes: of the selected cells, by the groups of the plots. */
function meansItems({ viewer, plots }: Session): readonly MenuItem[] {
  const { groupBy } = plots;
  if (viewer.view.matrix === null || groupBy === null || isCompareDisabled(viewer.schema)) return [];
  const disabled = plots.allMeans.run.running;
  return (['wide', 'long'] as const).map((shape) => ({
    label: `Means of all genes by ${groupingName(groupBy)}`,
    detail: `CSV, ${shape}`,
    icon: 'table',
    disabled,
    perform: () => void plots.allMeans.download(groupBy, shape),
  }));
}

/** The names and the values in obs of the selected cells, or of all. */
function cellItems({ viewer, curation }: Session): readonly MenuItem[] {
  const which = viewer.selection.within === null ? 'all cells' : `the ${count(viewer.selection.size)} selected cells`;
  return (['names', 'table'] as const).map((what) => ({
    label: `${what === 'names' ? 'Names' : 'Table'} of ${which}`,
    detail: what === 'names' ? 'TXT' : 'CSV',
    icon: what === 'names' ? 'list' : 'table',
    disabled: viewer.selection.size === 0,
    perform: () => void curation.downloads.cells(what),
  }));
}

/** Label the selected cells “kept” and the others “removed”, and write a new h5ad with this column. */
async function exportQuality({ viewer, curation }: Session): Promise<void> {
  const { annotations, downloads } = curation;
  const taken = (name: string) => annotations.named(name) !== null || viewer.groupings.isColumn(name);
  let name = 'quality';
  for (let number = 2; taken(name); number++) name = `quality ${number}`;
  try {
    await annotations.createWith(name, 'kept', 'removed');
    await downloads.h5ad();
  } catch (error) {
    viewer.fail(error);
  }
}

/** Return the items in groups. */
export function exportItems(session: Session): readonly (readonly MenuItem[])[] {
  const { viewer, curation, compare, page } = session;
  const figure: MenuItem = {
    label: 'Figure of the cells…',
    detail: 'PNG, SVG, PDF',
    icon: 'picture',
    disabled: viewer.view.embedding === null && viewer.view.axes === null,
    perform: () => {
      page.saving = true;
    },
  };
  const panels: MenuItem = {
    label: 'Figure of several panels…',
    detail: 'PNG, SVG, PDF',
    icon: 'pane4',
    perform: () => {
      viewer.figure.open = true;
    },
  };
  const means = meansItems(session);
  const cells = cellItems(session);
  if (!curation.isEnabled) return [[figure, panels, ...means], cells];
  const { annotations, genesets, downloads } = curation;
  const openImport = (what: 'annotations' | 'genesets' | 'session') => () => {
    curation.dialog = { kind: 'import', what };
  };
  const noAnnotations = annotations.list.length === 0;
  const noSets = genesets.list.length === 0;
  const { comparison } = compare;
  const some = viewer.selection.within !== null && viewer.selection.size > 0;
  return [
    [
      figure,
      panels,
      {
        label: 'Current comparison',
        detail: 'CSV',
        icon: 'compare',
        disabled: comparison === null,
        perform: () => comparison && compare.downloadCsv(comparison),
      },
      ...means,
    ],
    cells,
    [
      {
        label: 'Annotations',
        detail: 'CSV',
        icon: 'table',
        disabled: noAnnotations,
        perform: () => void downloads.annotations(null, 'csv'),
      },
      {
        label: 'Annotations',
        detail: 'TSV',
        icon: 'table',
        disabled: noAnnotations,
        perform: () => void downloads.annotations(null, 'tsv'),
      },
      {
        label: 'Gene sets',
        detail: 'GMT',
        icon: 'list',
        disabled: noSets,
        perform: () => void downloads.genesets('gmt'),
      },
      {
        label: 'Gene sets',
        detail: 'CSV',
        icon: 'list',
        disabled: noSets,
        perform: () => void downloads.genesets('csv'),
      },
      { label: 'Session', detail: 'JSON', icon: 'layers', perform: () => void downloads.session() },
      {
        label: 'New h5ad with annotations',
        detail: noAnnotations ? 'none yet' : count(annotations.list.length),
        icon: 'export',
        disabled: noAnnotations || downloads.run.running || !curation.canEdit,
        perform: () => void downloads.h5ad(),
      },
      {
        label: 'New h5ad of the selected cells',
        detail: some ? count(viewer.selection.size) : 'none selected',
        icon: 'export',
        disabled: !some || downloads.run.running || !curation.canEdit,
        perform: () => void downloads.h5ad('selected'),
      },
      {
        label: 'New h5ad with a column of kept cells',
        detail: 'kept, removed',
        icon: 'export',
        disabled: !some || downloads.run.running || !curation.canEdit,
        perform: () => void exportQuality(session),
      },
    ],
    curation.canEdit
      ? [
          { label: 'Import annotations…', icon: 'download', perform: openImport('annotations') },
          { label: 'Import gene sets…', icon: 'download', perform: openImport('genesets') },
          { label: 'Import a session…', icon: 'download', perform: openImport('session') },
        ]
      : [],
  ];
}
