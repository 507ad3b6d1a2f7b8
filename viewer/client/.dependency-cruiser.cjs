// Imports run one way: each folder of src may import from itself and from those that its row lists.
const COMMON = ['wire', 'api'];
const DRAWING = [...COMMON, 'crossfilter', 'canvas', 'color'];
const MAY_IMPORT = {
  wire: [],
  api: ['wire'],
  transport: COMMON,
  crossfilter: COMMON,
  canvas: COMMON,
  color: [...COMMON, 'crossfilter', 'canvas'],
  ui: COMMON,
  state: [...DRAWING, 'ui'],
  actions: [...DRAWING, 'ui', 'state'],
  scatter: [...DRAWING, 'ui', 'state', 'actions'],
  plots: [...DRAWING, 'ui', 'state', 'actions'],
  panels: [...DRAWING, 'ui', 'state', 'actions', 'scatter', 'plots'],
  pages: [...DRAWING, 'transport', 'ui', 'state', 'actions', 'scatter', 'plots', 'panels'],
};

// The same within folders of folders.
const WITHIN = {
  'state/view': [],
  'state/fields': ['view'],
  'state/page': ['view', 'fields'],
  'state/viewer': ['view', 'fields', 'page'],
  'state/compare': ['view', 'fields', 'page', 'viewer'],
  'state/curation': ['view', 'fields', 'page', 'viewer', 'compare'],
  'state/plots': ['view', 'fields', 'page', 'viewer', 'compare', 'curation'],
  'panels/fields': [],
  'panels/annotations': ['fields'],
  'panels/genes': ['fields'],
  'panels/compare': ['fields', 'genes'],
  'panels/cells': ['fields', 'annotations'],
  'panels/dialogs': ['fields', 'annotations', 'genes', 'compare', 'cells'],
  'panels/figure': [],
  'panels/shell': ['fields', 'annotations', 'genes', 'compare', 'cells', 'dialogs', 'figure'],
};

function oneWay(folder, allowed, parent) {
  return {
    name: `${folder}-imports`,
    severity: 'error',
    comment: `${folder} imports from itself${allowed.length ? ` and ${allowed.join(', ')}` : ''} alone.`,
    from: { path: `^src/${folder}/` },
    to: { path: `^${parent}/`, pathNot: `^(src/${folder}/|${parent}/(${[...allowed, '-'].join('|')})/)` },
  };
}

const TEST = '([^/]+\\.test|[^/]+Fixture|testSetup)\\.ts$';
const ENTRY = '^src/([^/]+|crossfilter/worker)\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'No file imports itself by way of others.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'A file that is imported exists.',
      from: {},
      to: { couldNotResolve: true, path: '^\\.' },
    },
    {
      name: 'known-folder',
      severity: 'error',
      comment: 'A folder of src has a row in MAY_IMPORT.',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(MAY_IMPORT).join('|')})/` },
      to: {},
    },
    {
      name: 'state-without-components',
      severity: 'error',
      comment: 'What the page knows does not depend on how it is shown.',
      from: { path: '^src/state/' },
      to: { path: '\\.svelte\\.mts$' },
    },
    {
      name: 'plots-by-registry',
      severity: 'error',
      comment: 'A plot is reached through the registry.',
      from: { path: '^src/', pathNot: '^src/plots/(registry\\.ts$|kinds/)' },
      to: { path: '^src/plots/kinds/[^/]+\\.svelte\\.mts$' },
    },
    {
      name: 'parts-of-plots',
      severity: 'error',
      comment: 'Parts of plots know no plot.',
      from: { path: '^src/plots/parts/' },
      to: { path: '^src/plots/', pathNot: '^src/plots/parts/' },
    },
    {
      name: 'entries-import-pages',
      severity: 'error',
      comment: 'An entry of the bundle shows a page and does nothing else.',
      from: { path: '^src/[^/]+\\.ts$', pathNot: `^src/(${TEST})` },
      to: { path: '^src/', pathNot: '^src/(pages/|style\\.css$)' },
    },
    {
      name: 'no-tests',
      severity: 'error',
      comment: 'Tests and their fixtures are imported by tests alone.',
      from: { path: '^src/', pathNot: TEST },
      to: { path: TEST },
    },
    {
      name: 'no-unused',
      severity: 'error',
      comment: 'An entry of the bundle needs every file.',
      from: { path: ENTRY, pathNot: TEST },
      to: { path: '^src/', pathNot: `${TEST}|${ENTRY}`, reachable: false },
    },
    ...Object.entries(MAY_IMPORT).map(([folder, allowed]) => oneWay(folder, allowed, 'src')),
    ...Object.entries(WITHIN).map(([folder, allowed]) =>
      oneWay(folder, allowed, `src/${folder.slice(0, folder.indexOf('/'))}`),
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // imports.mjs names components so.
    enhancedResolveOptions: { extensions: ['.ts', '.mts'] },
    // Types count: whoever needs a type of a module depends on it.
    tsPreCompilationDeps: true,
  },
};
