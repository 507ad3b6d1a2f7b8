/** Descriptions of the filters of the selection and of the two sets. */

import { count, date, number } from '../../ui/format';
import { isShown, MISSING, type RangeFilter } from '../view/fieldFilter';
import type { View } from '../view/view';
import { categoryName, type FieldData } from './field';

export interface Chip {
  /** Of the field; `lasso`, `setA` or `setB` for those. */
  readonly key: string;
  /** The title of the field or set, and its chosen values. */
  readonly title: string;
  readonly text: string;
}

/** The number of categories named before "n of m". */
const NAMED = 2;

/** Return a chip for each filter and for the lasso, in their order. */
export function filterChips(view: View, fields: ReadonlyMap<string, FieldData>): Chip[] {
  const chips = Object.entries(view.filters).map(([key, filter]): Chip => {
    const field = fields.get(key);
    const title = field?.title ?? key.slice(key.lastIndexOf(':') + 1);
    if (filter.kind === 'range') return { key, title, text: rangeText(filter, field) };
    if (field?.kind !== 'category') return { key, title, text: '…' };
    const codes = [...field.categories.keys(), ...(field.hasMissing ? [MISSING] : [])];
    const name = (code: number) => categoryName(field.categories, code);
    const shown = codes.filter((code) => isShown(filter, code));
    const hidden = codes.filter((code) => !isShown(filter, code));
    if (shown.length === 0) return { key, title, text: 'none' };
    if (shown.length <= NAMED) return { key, title, text: shown.map(name).join(', ') };
    if (hidden.length <= NAMED) return { key, title, text: `without ${hidden.map(name).join(', ')}` };
    return { key, title, text: `${count(shown.length)} of ${count(codes.length)}` };
  });
  if (view.lasso) chips.push({ key: 'lasso', title: 'Lasso', text: cells(view.lasso.n) });
  return chips;
}

/** Return a chip for each set with cells. */
export function setChips({ setA, setB }: View): Chip[] {
  const chips: Chip[] = [];
  if (setA) chips.push({ key: 'setA', title: 'Set A', text: setText(setA) });
  if (setB && setB !== 'rest') chips.push({ key: 'setB', title: 'Set B', text: setText(setB) });
  return chips;
}

function setText({ n, name }: { readonly n: number; readonly name?: string }): string {
  return name ? `${name}, ${count(n)}` : cells(n);
}

function rangeText({ min, max }: RangeFilter, field: FieldData | undefined): string {
  const write = field?.kind === 'range' && field.isDate ? date : number;
  return `${write(min)} to ${write(max)}`;
}

function cells(n: number): string {
  return n === 1 ? '1 cell' : `${count(n)} cells`;
}
