/** Views in which another column takes the place of one: a renamed annotation, the user's version of a column. */

import { groupingId, groupingKey } from '../fields/groupings.svelte';
import { type FieldFilter, MISSING } from '../view/fieldFilter';
import { type ColumnRef, type FieldRef, keyOf, levelOfKey } from '../view/fieldRef';
import type { ColorBy, Gallery, View } from '../view/view';

/**
 * Return a view with its colours and filters updated for a change of an annotation.
 *
 * @param to - the new name; null if the annotation was deleted
 * @param moved - the new position of each label, see `moves`
 * @param keepsLevels - whether the categories of its levels are the same as before
 */
export function withAnnotationMoved(
  view: View,
  from: string,
  to: string | null,
  moved: Int16Array | null,
  keepsLevels = true,
): View {
  return withColumnMoved(view, { annotation: from }, to === null ? null : { annotation: to }, moved, keepsLevels);
}

/** Return a view in which a column has the place of another; null: none has. */
export function withColumnMoved(
  view: View,
  from: ColumnRef,
  to: ColumnRef | null,
  moved: Int16Array | null,
  keepsLevels = true,
): View {
  const target = (field: FieldRef): FieldRef | null | undefined => targetOf(field, from, to);
  const recolored = (color: ColorBy): ColorBy => {
    const field = columnOf(color);
    const wanted = field && target(field);
    if (wanted === undefined || (wanted && field && keyOf(wanted) === keyOf(field))) return color;
    return wanted === null ? { kind: 'none' } : colorOf(wanted);
  };
  const color = recolored(view.color);
  const panes = view.panes.map((pane) => {
    const its = recolored(pane.color);
    return its === pane.color ? pane : { ...pane, color: its };
  });
  const filters = movedFilters(view.filters, from, to, moved, keepsLevels);
  const gallery = movedGallery(view.gallery, from, to);
  const samePanes = panes.every((pane, k) => pane === view.panes[k]);
  if (color === view.color && filters === view.filters && samePanes && gallery === view.gallery) return view;
  return { ...view, color, filters, gallery, panes: samePanes ? view.panes : panes };
}

/** Return the column, or its level, that colours the cells; null for other colours. */
export function columnOf(color: ColorBy): FieldRef | null {
  if (color.kind === 'obs') return { obs: color.column };
  if (color.kind === 'annotation') return { annotation: color.annotation };
  return color.kind === 'level' ? { level: color.level, of: color.of } : null;
}

/** Return the colours of a column. */
export function colorOf(field: FieldRef): ColorBy {
  if ('level' in field) return { kind: 'level', level: field.level, of: field.of };
  if ('annotation' in field) return { kind: 'annotation', annotation: field.annotation };
  return 'obs' in field ? { kind: 'obs', column: field.obs } : { kind: 'none' };
}

/** Return the field in the place of one; undefined if it is no matter of the two columns. */
function targetOf(field: FieldRef, from: ColumnRef, to: ColumnRef | null): FieldRef | null | undefined {
  if ('level' in field) return keyOf(field.of) === keyOf(from) ? to && { level: field.level, of: to } : undefined;
  return keyOf(field) === keyOf(from) ? to : undefined;
}

type Filters = View['filters'];

function movedFilters(
  filters: Filters,
  from: ColumnRef,
  to: ColumnRef | null,
  moved: Int16Array | null,
  keepsLevels: boolean,
): Filters {
  const concerned = Object.keys(filters).filter((key) => (levelOfKey(key)?.column ?? key) === keyOf(from));
  if (concerned.length === 0) return filters;
  const after = { ...filters };
  for (const key of concerned) {
    const filter = filters[key] as FieldFilter;
    delete after[key];
    const level = levelOfKey(key);
    if (to === null) continue;
    if (level && keepsLevels) after[keyOf({ level: level.level, of: to })] = filter;
    const kept = level ? null : movedFilter(filter, moved);
    if (kept) after[keyOf(to)] = kept;
  }
  return after;
}

function movedGallery(gallery: Gallery | null, from: ColumnRef, to: ColumnRef | null): Gallery | null {
  if (gallery?.kind !== 'categories') return gallery;
  const key = groupingKey(gallery.column);
  const level = levelOfKey(key);
  if ((level?.column ?? key) !== keyOf(from) || (to && keyOf(to) === keyOf(from))) return gallery;
  if (to === null) return { kind: 'genes' };
  return { kind: 'categories', column: groupingId(level ? { level: level.level, of: to } : to) };
}

function movedFilter(filter: FieldFilter, moved: Int16Array | null): FieldFilter | null {
  if (filter.kind !== 'category' || !moved) return filter;
  const codes = filter.codes.map((code) => (code < 0 ? code : (moved[code] ?? MISSING)));
  const kept = [...new Set(codes.filter((code, k) => code >= 0 || (filter.codes[k] as number) < 0))];
  return kept.length === 0 ? null : { ...filter, codes: kept };
}
