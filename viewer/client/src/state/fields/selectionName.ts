/** Names of selections. */

import { isShown, MISSING } from '../view/fieldFilter';
import type { View } from '../view/view';
import { categoryName, type FieldData } from './field';

/** The number of names before "and n more". */
const LISTED = 2;

const LASSO = 'Lasso';
const SELECTED = 'Selected cells';
const RANGE = 'Range of ';

/** Whether cells with this name of a selection were chosen by a shape or by values, rather than by one column's categories. */
export function isByHand(name: string | undefined): boolean {
  return name === undefined || name === LASSO || name === SELECTED || name.startsWith(RANGE);
}

/** Return the names of the chosen categories if one column is filtered and nothing else; otherwise "Selected cells". */
export function selectionName(view: View, fields: ReadonlyMap<string, FieldData>): string {
  const keys = Object.keys(view.filters);
  const [key] = keys;
  if (keys.length === 0) return view.lasso ? LASSO : 'All cells';
  if (view.lasso || keys.length > 1 || key === undefined) return SELECTED;
  const field = fields.get(key);
  if (field?.kind !== 'category') return field ? `${RANGE}${field.title}` : SELECTED;
  const codes = [...field.categories.keys(), ...(field.hasMissing ? [MISSING] : [])];
  const shown = codes
    .filter((code) => isShown(view.filters[key], code))
    .map((code) => categoryName(field.categories, code, field.without));
  return shown.length === 0 ? 'No cells' : shortList(shown);
}

/** Return the first names of a list, and how many more there are. */
export function shortList(names: readonly string[]): string {
  const rest = names.length - LISTED;
  return rest > 0 ? `${names.slice(0, LISTED).join(', ')} and ${rest} more` : names.join(', ');
}
