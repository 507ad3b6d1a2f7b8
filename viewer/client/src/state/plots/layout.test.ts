import { expect, test } from 'vitest';
import type { Page } from '../page/page.svelte';
import { restoreLayout, savedLayout } from './layout';
import type { Plots } from './plots.svelte';

const GROUPINGS = [{ id: 'louvain' }, { id: 'donor' }];

/** What of the state is read and written. */
function state() {
  const page = { tab: 'cells', left: true, right: true } as unknown as Page;
  const plots = {
    ...{ place: 'closed', height: null, kind: null, groupBy: 'louvain', by: 'donor', split: null, column: null },
    ...{ genes: [], standard: 'none', order: 'given', groupOrder: 'given', colormap: null, settings: {}, table: false },
    ...{ arrangement: { order: [], hidden: new Set() }, groupings: GROUPINGS },
    use(genes: string[]) {
      this.genes = genes as never[];
    },
    isMeasurement: (name: string) => name === 'n_counts',
    restore(place: string) {
      this.place = place;
    },
    arrangeGroups(order: string[], hidden: Set<string>) {
      this.arrangement = { order: order as never[], hidden };
    },
  };
  return { page, plots: plots as unknown as Plots };
}

test('a page as it opens has no layout in its link', () => {
  const { page, plots } = state();
  expect(savedLayout(page, plots)).toBeNull();
});

test('the drawer comes back with its size, its plot and its choices', () => {
  const { page, plots } = state();
  Object.assign(page, { tab: 'compare', left: false });
  Object.assign(plots, { place: 'drawer', height: 333, kind: 'violins', groupBy: 'donor', genes: ['LYZ', 'CD3D'] });
  Object.assign(plots, { standard: 'z', order: 'cluster', settings: { bars: 'cells' }, table: true });
  plots.arrangeGroups(['b', 'a'], new Set(['a']));
  const link = JSON.parse(JSON.stringify(savedLayout(page, plots)));
  const other = state();
  restoreLayout(link, other.page, other.plots);
  expect(savedLayout(other.page, other.plots)).toEqual(link);
  expect(other.plots).toMatchObject({ place: 'drawer', height: 333, genes: ['LYZ', 'CD3D'], standard: 'z' });
});

test('what does not fit is left out', () => {
  for (const given of [
    null,
    'text',
    { tab: 'elsewhere', plots: 5 },
    { plots: { place: 'drawer', groupBy: 'gone', column: 'text', height: -1, genes: [1], settings: { a: 1 } } },
  ]) {
    const { page, plots } = state();
    restoreLayout(given, page, plots);
    expect(page.tab).toBe('cells');
    expect(plots).toMatchObject({ groupBy: 'louvain', column: null, height: null, genes: [], settings: {} });
  }
});
