/** The layout of the page in links: its open panel, and the drawer of plots with its size and its plot. */
import { COLORMAPS } from '../../color/colormaps';
import type { Page, Tab } from '../page/page.svelte';
import { isAnnotationKey } from '../view/fieldRef';
import { MOST_GENES, ORDERS, type Plots, STANDARDS } from './plots.svelte';

export interface SavedLayout {
  readonly tab?: Tab;
  readonly left?: false;
  readonly right?: false;
  readonly plots?: SavedPlots;
}

interface SavedPlots {
  readonly place: 'drawer' | 'full';
  readonly height?: number;
  readonly kind?: string;
  readonly groupBy?: string;
  readonly by?: string;
  readonly split?: string;
  readonly column?: string;
  readonly genes?: readonly string[];
  readonly standard?: string;
  readonly order?: string;
  readonly groupOrder?: string;
  readonly colormap?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly table?: true;
  readonly arranged?: { readonly order: readonly string[]; readonly hidden: readonly string[] };
}

const TABS: readonly Tab[] = ['cells', 'genes', 'compare', 'markers'];
/** The limits of what is read from a link. */
const MOST_SETTINGS = 50;
const MOST_NAMES = 1000;
const HIGHEST = 5000;

/** Return what differs from the page as it opens; null if nothing does. */
export function savedLayout(page: Page, plots: Plots): SavedLayout | null {
  const layout: SavedLayout = {
    ...(page.tab === 'cells' ? {} : { tab: page.tab }),
    ...(page.left ? {} : { left: false }),
    ...(page.right ? {} : { right: false }),
    ...(plots.place === 'closed' ? {} : { plots: savedPlots(plots, plots.place) }),
  };
  return Object.keys(layout).length > 0 ? layout : null;
}

function savedPlots(plots: Plots, place: 'drawer' | 'full'): SavedPlots {
  const { height, kind, groupBy, by, split, column, genes, standard, order, groupOrder, colormap, settings } = plots;
  const { arrangement } = plots;
  const isArranged = arrangement.order.length > 0 || arrangement.hidden.size > 0;
  const given = { height, kind, groupBy, by, split, column, colormap };
  return {
    place,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)),
    ...(genes.length > 0 ? { genes } : {}),
    ...(standard === 'none' ? {} : { standard }),
    ...(order === 'given' ? {} : { order }),
    ...(groupOrder === 'given' ? {} : { groupOrder }),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
    ...(plots.table ? { table: true } : {}),
    ...(isArranged ? { arranged: { order: arrangement.order, hidden: [...arrangement.hidden] } } : {}),
  };
}

/** Lay the page out as a link says, which may be of any origin: what does not fit is left out. */
export function restoreLayout(given: unknown, page: Page, plots: Plots): void {
  if (!isObject(given)) return;
  const tab = TABS.find((one) => one === given.tab);
  if (tab) page.tab = tab;
  if (given.left === false) page.left = false;
  if (given.right === false) page.right = false;
  if (isObject(given.plots)) restorePlots(given.plots, plots);
}

function restorePlots(given: Record<string, unknown>, plots: Plots): void {
  if (plots.groupings.length === 0) return;
  const grouping = (value: unknown) =>
    typeof value === 'string' && (isAnnotationKey(value) || plots.groupings.some(({ id }) => id === value))
      ? value
      : null;
  const genes = strings(given.genes, MOST_GENES);
  if (genes.length > 0) plots.use(genes);
  plots.groupBy = grouping(given.groupBy) ?? plots.groupBy;
  plots.by = grouping(given.by) ?? plots.by;
  plots.split = grouping(given.split);
  if (typeof given.column === 'string' && plots.isMeasurement(given.column)) plots.column = given.column;
  if (typeof given.kind === 'string') plots.kind = given.kind;
  if (typeof given.height === 'number' && given.height > 0 && given.height < HIGHEST) plots.height = given.height;
  plots.standard = STANDARDS.find((one) => one === given.standard) ?? plots.standard;
  plots.order = ORDERS.find((one) => one === given.order) ?? plots.order;
  plots.groupOrder = ORDERS.find((one) => one === given.groupOrder) ?? plots.groupOrder;
  plots.colormap = COLORMAPS.find((one) => one === given.colormap) ?? null;
  if (isObject(given.settings)) {
    const settings = Object.entries(given.settings).slice(0, MOST_SETTINGS);
    plots.settings = Object.fromEntries(
      settings.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    );
  }
  plots.table = given.table === true;
  const { arranged } = given;
  if (isObject(arranged)) {
    plots.arrangeGroups(strings(arranged.order, MOST_NAMES), new Set(strings(arranged.hidden, MOST_NAMES)));
  }
  plots.restore(given.place === 'full' ? 'full' : 'drawer');
}

function strings(value: unknown, most: number): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').slice(0, most) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
