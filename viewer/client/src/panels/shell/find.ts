/** What “Find anything” offers for a text: all that the page has by name, and what can be done with it. */
import type { Action } from '../../actions/action';
import { actions, isOffered } from '../../actions/actions';
import { exportItems } from '../../actions/exportItems';
import type { CellMatch, FoundCell, Gene, GenesNamed } from '../../api/types';
import { availablePlots } from '../../plots/registry';
import type { LabelSource } from '../../state/curation/curation.svelte';
import { namesIn } from '../../state/curation/geneSets.svelte';
import { groupingName } from '../../state/fields/groupings.svelte';
import type { Session } from '../../state/session';
import { annotationKey, obsKey } from '../../state/view/fieldRef';
import { count, embeddingNameAmong } from '../../ui/format';
import type { IconName } from '../../ui/icons';

/** One thing that was found. */
export interface Found {
  readonly id: string;
  readonly label: string;
  /** What it is, in a word or two. */
  readonly detail?: string | undefined;
  readonly icon: IconName;
  readonly shortcut?: string | undefined;
  readonly perform: () => void;
}

export interface FoundGroup {
  readonly title: string;
  readonly entries: readonly Found[];
}

/** What the server has found. */
export interface FoundByServer {
  readonly genes: readonly Gene[];
  readonly cells: readonly FoundCell[];
  /** The cells and the genes of a list of names. */
  readonly listed: { readonly cells: CellMatch; readonly genes: GenesNamed | null } | null;
}

/** The limit of entries in a group. */
const MOST = 12;
const NO_WORDS = '';
/** The words by which a category is edited, in place of being selected. */
const EDITS = ['edit', 'rename', 'recolour', 'recolor'];

/** Return what matches a text: each of its words is in the name, or in other words for it. */
export function find(session: Session, text: string, { genes, cells, listed }: FoundByServer): readonly FoundGroup[] {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (label: string, others = NO_WORDS) => {
    const all = `${label} ${others}`.toLowerCase();
    return words.every((word) => all.includes(word));
  };
  const any = words.length > 0;
  const groups: FoundGroup[] = [
    {
      title: 'Cells',
      entries: [
        ...(listed ? cellsListed(session, listed.cells) : []),
        ...(any ? cells.map((cell) => cellEntry(session, cell)) : []),
      ],
    },
    {
      title: 'Columns',
      entries: columns(session)
        .filter(({ label }) => holds(label))
        .slice(0, any ? MOST : 30),
    },
    {
      title: 'Genes',
      entries: [
        ...(listed?.genes ? genesListed(session, listed.genes) : []),
        ...(any ? genes.map((gene) => geneEntry(session, gene)) : []),
      ],
    },
    { title: 'Edit', entries: edits(session, words) },
    { title: 'Categories', entries: any ? categories(session, (name, of) => holds(name, of)) : [] },
    { title: 'Annotations', entries: any ? labels(session, (name, of) => holds(name, of)) : [] },
    {
      title: 'Gene sets',
      entries: any
        ? geneSets(session)
            .filter(({ label }) => holds(label, 'gene set'))
            .slice(0, MOST)
        : [],
    },
    {
      title: 'Views',
      entries: any
        ? views(session)
            .filter(({ label }) => holds(label, 'view'))
            .slice(0, MOST)
        : [],
    },
    { title: 'Embeddings', entries: embeddings(session).filter(({ label }) => holds(label, 'embedding')) },
    { title: 'Plots', entries: any ? plots(session).filter(({ label }) => holds(label, 'plot')) : [] },
    { title: 'Commands', entries: commands(session, holds) },
    {
      title: 'Export and import',
      entries: any
        ? exports(session).filter(({ label, detail }) => holds(label, `export save download ${detail ?? ''}`))
        : [],
    },
  ];
  return groups.filter((group) => group.entries.length > 0);
}

function columns({ viewer }: Session): readonly Found[] {
  return viewer.schema.obs
    .filter((column) => column.kind !== 'string' && !viewer.groupings.hasVersion(column.name))
    .map((column) => ({
      id: `obs ${column.name}`,
      label: `Colour by ${column.name}`,
      icon: 'drop',
      perform: () => viewer.colorBy({ kind: 'obs', column: column.name }),
    }));
}

function geneEntry({ viewer }: Session, gene: Gene): Found {
  return {
    id: `gene ${gene.matrix ?? ''} ${gene.index}`,
    label: `Colour by ${gene.name}`,
    detail: gene.alias ?? gene.matrix ?? gene.id ?? undefined,
    icon: 'drop',
    perform: () => viewer.colorByGene(gene.name, gene.matrix ?? viewer.view.matrix),
  };
}

function cellEntry({ viewer }: Session, { row, name }: FoundCell): Found {
  return { id: `cell ${row}`, label: name, detail: 'cell', icon: 'focus', perform: () => viewer.focusOn(row) };
}

/** Return what can be done with the cells of a pasted list of names. */
function cellsListed({ viewer }: Session, match: CellMatch): readonly Found[] {
  const left = [
    match.missing > 0 ? `${count(match.missing)} not found` : '',
    match.ambiguous > 0 ? `${count(match.ambiguous)} ambiguous` : '',
  ].filter(Boolean);
  if (match.rows.length === 0) return [];
  const cells = match.rows.length === 1 ? 'the cell' : `the ${count(match.rows.length)} cells`;
  return [
    {
      id: 'list',
      label: `Select ${cells} of this list`,
      detail: left.join(', ') || undefined,
      icon: 'lasso',
      perform: () => viewer.selection.select(Uint32Array.from(match.rows), 'replace'),
    },
  ];
}

function genesListed({ plots: drawer }: Session, { genes, missing }: GenesNamed): readonly Found[] {
  if (genes.length < 2) return [];
  return [
    {
      id: 'listed genes',
      label: `Plot the ${count(genes.length)} genes of this list`,
      detail: missing.length > 0 ? `${count(missing.length)} not found` : undefined,
      icon: 'plots',
      perform: () => drawer.show(genes.map(({ name }) => name)),
    },
  ];
}

function categories({ viewer }: Session, holds: (name: string, of: string) => boolean): readonly Found[] {
  const found: Found[] = [];
  for (const column of viewer.schema.obs) {
    if (viewer.groupings.hasVersion(column.name)) continue;
    for (const [code, name] of (column.categories ?? []).entries()) {
      if (!holds(`select ${name}`, column.name)) continue;
      found.push({
        id: `category ${column.name} ${code}`,
        label: `Select ${name}`,
        detail: column.name,
        icon: 'lasso',
        perform: () => viewer.filter(obsKey(column.name), { kind: 'category', mode: 'only', codes: [code] }),
      });
      if (found.length === MOST) return found;
    }
  }
  return found;
}

/** Return the categories and labels that can be edited, for a text that says so. */
function edits({ viewer, curation }: Session, words: readonly string[]): readonly Found[] {
  const names = words.filter((word) => !EDITS.includes(word));
  if (names.length === words.length || names.length === 0 || !curation.canEdit) return [];
  const holds = (...texts: string[]) => names.every((word) => texts.join(' ').toLowerCase().includes(word));
  const entry = (name: string, of: string, source: LabelSource, label: number): Found => ({
    id: `edit ${of} ${label}`,
    label: `Edit ${name}`,
    detail: of,
    icon: 'pencil',
    perform: () => {
      curation.dialog = { kind: 'label', source, label };
    },
  });
  const columns = viewer.schema.obs.flatMap((column) => {
    const { name } = column;
    if (viewer.groupings.hasVersion(name) || viewer.groupings.ofField(obsKey(name)) === null) return [];
    return (column.categories ?? []).flatMap((category, code) =>
      holds(category, name) ? [entry(category, name, { column: name }, code)] : [],
    );
  });
  const own = curation.annotations.list.flatMap(({ id, value: { name, labels: those } }) =>
    those.flatMap((label, code) =>
      holds(label.name, name) ? [entry(label.name, name, { annotation: id }, code)] : [],
    ),
  );
  return [...own, ...columns].slice(0, MOST);
}

function labels({ viewer, curation }: Session, holds: (name: string, of: string) => boolean): readonly Found[] {
  if (!curation.isEnabled) return [];
  const found: Found[] = [];
  for (const { value } of curation.annotations.list) {
    const key = annotationKey(value.name);
    if (holds(value.name, 'annotation')) {
      found.push({
        id: `annotation ${value.name}`,
        label: `Colour by ${value.name}`,
        detail: 'annotation',
        icon: 'drop',
        perform: () => viewer.colorBy({ kind: 'annotation', annotation: value.name }),
      });
    }
    for (const [code, label] of value.labels.entries()) {
      if (!holds(`select ${label.name}`, value.name)) continue;
      found.push({
        id: `label ${value.name} ${code}`,
        label: `Select ${label.name}`,
        detail: value.name,
        icon: 'lasso',
        perform: () => viewer.filter(key, { kind: 'category', mode: 'only', codes: [code] }),
      });
    }
  }
  return found.slice(0, MOST);
}

function geneSets({ geneSets: sets, plots: drawer }: Session): readonly Found[] {
  return sets.list.map(({ value: { name, genes } }) => ({
    id: `set ${name}`,
    label: `Plot ${name}`,
    detail: genes.length === 1 ? '1 gene' : `${count(genes.length)} genes`,
    icon: 'list',
    perform: () => drawer.show(genes),
  }));
}

function views({ curation, viewer }: Session): readonly Found[] {
  if (!curation.isEnabled) return [];
  return curation.savedItems.views.map(({ name }) => ({
    id: `view ${name}`,
    label: `Open ${name}`,
    detail: 'view',
    icon: 'views',
    perform: () => void curation.savedItems.openView(name).catch((error: unknown) => viewer.fail(error)),
  }));
}

function embeddings({ viewer }: Session): readonly Found[] {
  return viewer.schema.embeddings.map(({ name }) => ({
    id: `embedding ${name}`,
    label: `Show ${embeddingNameAmong(name, viewer.schema.embeddings)}`,
    icon: 'layers',
    perform: () => viewer.chooseEmbedding(name),
  }));
}

function plots(session: Session): readonly Found[] {
  const drawer = session.plots;
  if (drawer.groupings.length === 0) return [];
  const by = drawer.groupBy === null ? undefined : `by ${groupingName(drawer.groupBy)}`;
  return availablePlots(session).map(({ kind, label }) => ({
    id: `plot ${kind}`,
    label: `Show ${label.toLowerCase()}`,
    detail: by,
    icon: 'plots',
    perform: () => {
      drawer.choose(kind);
      drawer.open();
    },
  }));
}

function commands(session: Session, holds: (label: string, words?: string) => boolean): readonly Found[] {
  const fits = (action: Action) =>
    action.name !== 'palette' &&
    !action.silent &&
    isOffered(action, session) &&
    holds(action.label, action.words) &&
    (action.enabled?.(session) ?? true);
  return actions.filter(fits).map((action) => ({
    id: `action ${action.name}`,
    label: action.label,
    icon: action.icon,
    shortcut: action.shortcut,
    perform: () => action.perform(session),
  }));
}

function exports(session: Session): readonly Found[] {
  return exportItems(session)
    .flat()
    .filter(({ disabled }) => !disabled)
    .map((item) => ({
      id: `export ${item.label} ${item.detail ?? ''}`,
      label: item.label,
      detail: item.detail,
      icon: item.icon,
      perform: item.perform,
    }));
}

/** Return the names in a list of genes or cells; null for a text that is no list. */
export function listIn(text: string): readonly string[] | null {
  const names = namesIn(text);
  return names.length > 1 ? names : null;
}
