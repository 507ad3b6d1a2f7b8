/** What can be saved, exported and imported: the items of the menu and of the search. */
import type { Session } from '../state/session';
import { count } from '../ui/format';
import type { MenuItem } from '../ui/overlays/menu';

/** Return the items in groups. */
export function exportItems({ viewer, curation, compare, page }: Session): readonly (readonly MenuItem[])[] {
  const figure: MenuItem = {
    label: 'Figure of the cells…',
    detail: 'PNG, SVG',
    icon: 'picture',
    disabled: viewer.view.embedding === null && viewer.view.axes === null,
    perform: () => {
      page.saving = true;
    },
  };
  if (!curation.isEnabled) return [[figure]];
  const { annotations, genesets, downloads } = curation;
  const openImport = (what: 'annotations' | 'genesets' | 'session') => () => {
    curation.dialog = { kind: 'import', what };
  };
  const noAnnotations = annotations.list.length === 0;
  const noSets = genesets.list.length === 0;
  const { comparison } = compare;
  return [
    [
      figure,
      {
        label: 'Current comparison',
        detail: 'CSV',
        icon: 'compare',
        disabled: comparison === null,
        perform: () => comparison && compare.downloadCsv(comparison),
      },
    ],
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
