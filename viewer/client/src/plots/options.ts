/** The controls above a plot, and those that several plots share. */
import { COLORMAPS, type ColormapName } from '../color/colormaps';
import type { Order, Plots, Standard } from '../state/plots/plots.svelte';
import type { Page } from './page';

interface Item {
  readonly value: string;
  readonly label: string;
}

/** A control with a few values. */
export interface Choice {
  /** The word before it. */
  readonly caption: string;
  /** Its accessible name. */
  readonly label: string;
  /** Whether its values lie side by side rather than in a list. */
  readonly segmented?: boolean;
  /** None: the control is left out. */
  items(page: Page): readonly Item[];
  chosen(page: Page): string | null;
  choose(page: Page, value: string): void;
}

/** The list of genes, in a plot of genes. */
export const GENES = 'genes';

/** The categories shown and their order. */
export const CATEGORIES = 'categories';

export type Option = Choice | typeof GENES | typeof CATEGORIES;

/** A control of one plot alone: its value is kept in `plots.settings` by the name of the setting. */
export function setting(
  name: string,
  { caption, label, items }: Pick<Choice, 'caption' | 'label'> & { items: readonly [Item, ...Item[]] },
): Choice & { of(plots: Plots): string } {
  const of = (plots: Plots) => plots.settings[name] ?? items[0].value;
  return {
    ...{ caption, label, of },
    segmented: true,
    items: () => items,
    chosen: ({ plots }) => of(plots),
    choose: ({ plots }, value) => {
      plots.settings = { ...plots.settings, [name]: value };
    },
  };
}

export const GROUP_BY: Choice = {
  caption: 'in',
  label: 'Categories',
  items: ({ plots }) => plots.groupings.map(({ id, name }) => ({ value: id, label: name })),
  chosen: ({ plots }) => plots.groupBy,
  choose: ({ plots }, name) => {
    plots.groupBy = name;
    if (plots.split === name) plots.split = null;
  },
};

/** The value of a choice of no column; names of columns have `obs:` before them. */
const NONE = '';

/** The choice of a column, or of none. */
export function columnChoice(
  choice: Pick<Choice, 'caption' | 'label'>,
  none: string,
  columns: (page: Page) => readonly { readonly id?: string; readonly name: string }[],
  key: 'split' | 'column',
): Choice {
  return {
    ...choice,
    items: (page) => {
      const names = columns(page).map(({ id, name }) => ({ value: `obs:${id ?? name}`, label: name }));
      return names.length > 0 ? [{ value: NONE, label: none }, ...names] : [];
    },
    chosen: ({ plots }) => (plots[key] === null ? NONE : `obs:${plots[key]}`),
    choose: ({ plots }, value) => {
      plots[key] = value === NONE ? null : value.slice('obs:'.length);
    },
  };
}

const ORDERS: readonly { value: Order; label: string }[] = [
  { value: 'given', label: 'as given' },
  { value: 'name', label: 'by name' },
  { value: 'cluster', label: 'by similarity' },
];

const STANDARDS: readonly { value: Standard; label: string }[] = [
  { value: 'none', label: 'unchanged' },
  { value: 'share', label: '0 to 1 for each gene' },
  { value: 'z', label: 'z-scores for each gene' },
];

/** The order of rows and columns, and the standardisation of the values. */
export const ORDER_AND_STANDARD: readonly Choice[] = [
  {
    caption: 'genes',
    label: 'Order of the genes',
    items: () => ORDERS,
    chosen: ({ plots }) => plots.order,
    choose: ({ plots }, order) => {
      plots.order = order as Order;
    },
  },
  {
    caption: 'categories',
    label: 'Order of the categories',
    items: () => ORDERS,
    chosen: ({ plots }) => plots.groupOrder,
    choose: ({ plots }, order) => {
      plots.groupOrder = order as Order;
    },
  },
  {
    caption: 'values',
    label: 'Values',
    items: () => STANDARDS,
    chosen: ({ plots }) => plots.standard,
    choose: ({ plots }, standard) => {
      plots.standard = standard as Standard;
    },
  },
];

const MAPS = COLORMAPS.map((name) => ({ value: name, label: `${name.slice(0, 1).toUpperCase()}${name.slice(1)}` }));

/** The colour map; `usual` is the one of a plot whose user has not chosen any. */
export function colors(usual: (plots: Plots) => ColormapName): Choice & { of(plots: Plots): ColormapName } {
  const of = (plots: Plots) => plots.colormap ?? usual(plots);
  return {
    caption: 'colours',
    label: 'Colours',
    of,
    items: () => MAPS,
    chosen: ({ plots }) => of(plots),
    choose: ({ plots }, name) => {
      plots.colormap = COLORMAPS.find((map) => map === name) ?? null;
    },
  };
}

/** Whether genes are columns or rows; the first is the usual one. */
export function axes(usual: 'columns' | 'rows') {
  const items = [
    { value: 'columns', label: 'Genes as columns' },
    { value: 'rows', label: 'Genes as rows' },
  ] as const;
  const [columns, rows] = items;
  const first = usual === 'columns' ? [columns, rows] : [rows, columns];
  return {
    ...setting(`axes, usually ${usual}`, { caption: 'axes', label: 'Axes', items: first as [Item, Item] }),
    segmented: false,
  };
}

/** Colours of both signs for values of both. */
export const VALUE_COLORS = colors(({ standard }) => (standard === 'z' ? 'diverging' : 'blues'));
