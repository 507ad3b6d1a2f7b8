/** A label as a value, and what becomes of it when its categories are edited. Nothing here asks the server. */
import type { CategoryEdit, LabelCategory, LabelInfo } from '../../api/curationTypes';
import { palette } from '../../color/palette';
import type { NumberArray } from '../../wire/columns';
import type { CategoryData } from '../fields/field';
import { type FieldFilter, MISSING } from '../view/fieldFilter';
import { labelKey } from '../view/fieldRef';
import type { ColorBy, View } from '../view/view';

export interface Label {
  readonly name: string;
  readonly categories: readonly LabelCategory[];
  readonly nUnlabelled: number;
}

/** The category of each cell, -1 where it has none. */
export type Codes = Int16Array<ArrayBuffer>;

/** A category as it is to be: `was` are the positions of those it is made of. */
export interface Edited {
  readonly name: string;
  readonly color: string;
  readonly note: string;
  readonly was: readonly number[];
}

export const UNLABELLED = 'Unlabelled';

export function labelOf({ name, labels: categories, n_unlabelled }: LabelInfo): Label {
  return { name, categories, nUnlabelled: n_unlabelled };
}

/** The label as it is, to be edited. */
export function editable(label: Label): Edited[] {
  return label.categories.map(({ name, color, note }, k) => ({ name, color, note, was: [k] }));
}

/** The colours shown: those chosen, else of our palette. */
export function colorsOf(categories: readonly { readonly color: string }[]): string[] {
  const ours = palette(categories.length);
  return categories.map(({ color }, k) => color || (ours[k] as string));
}

/** A colour that no category has yet, where there is one. */
export function nextColor(categories: readonly { readonly color: string }[]): string {
  const taken = new Set(colorsOf(categories));
  const candidates = palette(categories.length + 1);
  return candidates.find((color) => !taken.has(color)) ?? (candidates.at(-1) as string);
}

/** For each position before, the position after; -1 where the category is gone. */
export function moves(before: Label, edited: readonly Edited[]): Int16Array {
  const moved = new Int16Array(before.categories.length).fill(MISSING);
  for (const [to, { was }] of edited.entries()) for (const from of was) moved[from] = to;
  return moved;
}

export function withEdit(label: Label, edited: readonly Edited[], name: string): Label {
  const categories = edited.map(({ name: called, color, note, was }) => ({
    name: called,
    color,
    note,
    n: was.reduce((sum, from) => sum + (label.categories[from]?.n ?? 0), 0),
  }));
  return { name, categories, nUnlabelled: total(label) - sumOf(categories) };
}

export function withEditedCodes(codes: Codes, moved: Int16Array): Codes {
  return codes.map((code) => (code < 0 ? MISSING : (moved[code] ?? MISSING)));
}

/** Put cells into a category (or with -1 into none). */
export function withCells(
  label: Label,
  codes: Codes,
  cells: Uint32Array,
  to: number,
): { label: Label; codes: Codes; n: number } {
  const after = codes.slice();
  const counts = label.categories.map(({ n }) => n);
  let changed = 0;
  for (const cell of cells) {
    const from = after[cell] as number;
    if (from === to) continue;
    if (from >= 0) counts[from] = (counts[from] ?? 0) - 1;
    if (to >= 0) counts[to] = (counts[to] ?? 0) + 1;
    after[cell] = to;
    changed++;
  }
  const categories = label.categories.map((category, k) => ({ ...category, n: counts[k] as number }));
  return { label: { ...label, categories, nUnlabelled: total(label) - sumOf(categories) }, codes: after, n: changed };
}

/** A label that begins as a column does. */
export function labelFrom(name: string, field: CategoryData): { label: Label; codes: Codes } {
  const codes = Int16Array.from(field.values as ArrayLike<number>);
  const counts = new Array<number>(field.categories.length).fill(0);
  let none = 0;
  for (const code of codes) {
    if (code >= 0) counts[code] = (counts[code] ?? 0) + 1;
    else none++;
  }
  const colors = field.colors ?? [];
  const categories = field.categories.map((category, k) => ({
    name: category,
    color: colors[k] ?? '',
    note: '',
    n: counts[k] as number,
  }));
  return { label: { name, categories, nUnlabelled: none }, codes };
}

/** What a request says of categories. */
export function requested(before: Label, edited: readonly Edited[]): CategoryEdit[] {
  return edited.map(({ name, color, note, was }) => {
    const names = was.map((from) => before.categories[from]?.name ?? '');
    const moved = names.length > 1 || (names.length === 1 && names[0] !== name);
    return { name, color, note, ...(moved ? { was: names } : {}) };
  });
}

export function fieldOf(label: Label, codes: NumberArray): CategoryData {
  return {
    kind: 'category',
    key: labelKey(label.name),
    title: label.name,
    values: codes,
    categories: label.categories.map(({ name }) => name),
    colors: colorsOf(label.categories),
    hasMissing: label.nUnlabelled > 0,
    without: UNLABELLED,
  };
}

/** A view that knew a label by another name, or its categories at other places; with null, one that is gone. */
export function withLabelMoved(view: View, from: string, to: string | null, moved: Int16Array | null): View {
  const recolored = (color: ColorBy): ColorBy => {
    if (color.kind !== 'label' || color.label !== from || to === from) return color;
    return to === null ? { kind: 'none' } : { kind: 'label', label: to };
  };
  const { [labelKey(from)]: filter, ...others } = view.filters;
  const kept = filter && to !== null ? movedFilter(filter, moved) : null;
  const filters = !filter ? view.filters : kept && to !== null ? { ...others, [labelKey(to)]: kept } : others;
  const color = recolored(view.color);
  const panes = view.panes.map((pane) => {
    const its = recolored(pane.color);
    return its === pane.color ? pane : { ...pane, color: its };
  });
  const samePanes = panes.every((pane, k) => pane === view.panes[k]);
  if (color === view.color && filters === view.filters && samePanes) return view;
  return { ...view, color, filters, panes: samePanes ? view.panes : panes };
}

function movedFilter(filter: FieldFilter, moved: Int16Array | null): FieldFilter | null {
  if (filter.kind !== 'category' || !moved) return filter;
  const codes = filter.codes.map((code) => (code < 0 ? code : (moved[code] ?? MISSING)));
  const kept = [...new Set(codes.filter((code, k) => code >= 0 || (filter.codes[k] as number) < 0))];
  return kept.length === 0 ? null : { ...filter, codes: kept };
}

export function sameLabel(one: Label, other: Label): boolean {
  if (one.name !== other.name || one.nUnlabelled !== other.nUnlabelled) return false;
  if (one.categories.length !== other.categories.length) return false;
  return one.categories.every((category, k) => {
    const its = other.categories[k];
    return (
      its?.name === category.name && its.color === category.color && its.note === category.note && its.n === category.n
    );
  });
}

/** Whether the same cells are in the same categories, as far as counts tell. */
export function sameCells(one: Label, other: Label): boolean {
  return (
    one.categories.length === other.categories.length &&
    one.categories.every(({ name, n }, k) => other.categories[k]?.name === name && other.categories[k]?.n === n)
  );
}

function total(label: Label): number {
  return label.nUnlabelled + sumOf(label.categories);
}

function sumOf(categories: readonly LabelCategory[]): number {
  return categories.reduce((sum, { n }) => sum + n, 0);
}
