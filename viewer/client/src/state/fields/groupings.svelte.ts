/** The columns whose categories are groups of cells: those of the file, and the annotations of the user. */
import type { ObsColumn, Schema } from '../../api/types';
import {
  annotationKey,
  type ColumnRef,
  type FieldRef,
  isAnnotationKey,
  keyOf,
  type LevelRef,
  levelKey,
  levelOfKey,
  obsKey,
} from '../view/fieldRef';
import { categoriesAt, depthOf, levelTitle } from './levels';

/** Columns of more categories are names of clones or cells rather than groups. */
const MOST = 200;

export interface Grouping {
  /** As requests name it, see `groupingKey`. */
  readonly id: string;
  readonly name: string;
  /** The number of categories. */
  readonly n: number;
  /** Whether it is an annotation of the user. */
  readonly own: boolean;
}

export class Groupings {
  /** The annotations of the user. One of the name of a column is the user's version of it, and takes its place. */
  annotations: () => readonly { readonly name: string; readonly labels: readonly string[] }[] = $state.raw(() => []);
  /** The columns of texts that turned out to have few different ones, once they are loaded. */
  texts: () => readonly { readonly name: string; readonly n: number }[] = $state.raw(() => []);
  /** Resolves once the changes of annotations are saved: summaries of them are computed by the server. */
  saved: () => Promise<void> = () => Promise.resolve();
  private readonly replaced: ((from: string, to: string | null) => void)[] = [];
  /** Each column of the file with its levels. */
  private readonly columns: readonly (readonly Grouping[])[];
  private readonly names: ReadonlySet<string>;

  constructor(schema: Schema) {
    this.names = new Set(schema.obs.map(({ name }) => name));
    this.columns = schema.obs.filter(canGroup).map(({ name, n_categories: n, categories }) => {
      const column = { id: columnId(name), name, n: n ?? 2, own: false };
      return [column, ...levelsOf(column, categories ?? [])];
    });
  }

  /** The annotations first, but for those that take the place of a column. */
  readonly list: readonly Grouping[] = $derived.by(() => {
    const own = this.annotations()
      .filter(({ labels }) => labels.length > 0)
      .map(({ name, labels }) => {
        const annotation = { id: annotationKey(name), name, n: labels.length, own: true };
        return [annotation, ...levelsOf(annotation, labels)];
      });
    const versions = new Map(own.flatMap((one) => (one[0] && this.isColumn(one[0].name) ? [[one[0].name, one]] : [])));
    const texts = this.texts()
      .filter(({ n }) => isNumberOfGroups(n))
      .map(({ name, n }) => [{ id: columnId(name), name, n, own: false }]);
    const columns = [...this.columns, ...texts].map((one) => versions.get(one[0]?.name ?? '') ?? one);
    const placed = new Set(columns);
    return [...own.filter((one) => !placed.has(one)), ...columns].flat();
  });

  /** Return whether a name is that of a column of the file. */
  isColumn(name: string): boolean {
    return this.names.has(name);
  }

  /** Return whether the user has an own version of a column of the file. */
  hasVersion(name: string): boolean {
    return this.isColumn(name) && this.annotations().some((one) => one.name === name);
  }

  /** The grouping of a field; null if its field has no groups. */
  ofField(key: string): Grouping | null {
    return this.list.find(({ id }) => groupingKey(id) === key) ?? null;
  }

  /** Call a function when another grouping takes the place of one, or none (null). */
  onReplaced(callback: (from: string, to: string | null) => void): void {
    this.replaced.push(callback);
  }

  replace(from: string, to: string | null): void {
    for (const callback of this.replaced) callback(from, to);
  }
}

/** Return the levels above the categories of a grouping, the highest first. */
function levelsOf({ id, name, own }: Grouping, categories: readonly string[]): Grouping[] {
  return Array.from({ length: depthOf(categories) - 1 }, (_, k) => ({
    id: levelKey(k + 1, id),
    name: levelTitle(name, k + 1),
    n: categoriesAt(categories, k + 1).length,
    own,
  })).filter(({ n }) => n > 1);
}

/** Return a column of the file as requests name it: a name that begins as that of another grouping has a prefix. */
export function columnId(name: string): string {
  return isAnnotationKey(name) || name.startsWith(obsKey('')) || levelOfKey(name) ? obsKey(name) : name;
}

/** Return the key of the field of a grouping. */
export function groupingKey(id: string): string {
  const level = levelOfKey(id);
  if (level) return levelKey(level.level, groupingKey(level.column));
  return isAnnotationKey(id) || id.startsWith(obsKey('')) ? id : obsKey(id);
}

/** Return a column, or a level of one, as requests name it. */
export function groupingId(field: FieldRef): string {
  if ('level' in field) return levelKey(field.level, groupingId(field.of));
  return 'obs' in field ? columnId(field.obs) : keyOf(field);
}

/** Return the column of a key, or its level. */
export function columnOfKey(key: string): ColumnRef | LevelRef | null {
  const level = levelOfKey(key);
  if (level) {
    const of = columnOfKey(level.column);
    return of && ('obs' in of || 'annotation' in of) ? { level: level.level, of } : null;
  }
  if (isAnnotationKey(key)) return { annotation: key.slice(annotationKey('').length) };
  return key.startsWith(obsKey('')) ? { obs: key.slice(obsKey('').length) } : null;
}

/** Return the grouping in the place of one after another column took the place of its column; null if it has none. */
export function replacedBy(id: string, from: string, to: string | null): string | null {
  const level = levelOfKey(id);
  if ((level?.column ?? id) !== from) return id;
  return to !== null && level ? levelKey(level.level, to) : to;
}

/** Return the name of a grouping on the page. */
export function groupingName(id: string): string {
  const level = levelOfKey(id);
  if (level) return levelTitle(groupingName(level.column), level.level);
  return groupingKey(id).replace(/^(annotation|obs):/, '');
}

/** Return whether the categories of a column are groups of cells. */
export function canGroup(column: ObsColumn): boolean {
  const n = column.n_categories ?? (column.kind === 'boolean' ? 2 : 0);
  return (column.kind === 'categorical' || column.kind === 'boolean') && isNumberOfGroups(n);
}

function isNumberOfGroups(n: number): boolean {
  return n >= 2 && n <= MOST;
}
