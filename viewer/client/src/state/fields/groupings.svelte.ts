/** The columns whose categories are groups of cells: those of the file, and the annotations of the user. */
import type { ObsColumn, Schema } from '../../api/types';
import { annotationKey, isAnnotationKey, obsKey } from '../view/fieldRef';

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
  /** The annotations of the user. */
  annotations: () => readonly { readonly name: string; readonly n: number }[] = () => [];
  /** The columns of texts that turned out to have few different ones, once they are loaded. */
  texts: () => readonly { readonly name: string; readonly n: number }[] = () => [];
  /** Resolves once the changes of annotations are saved: summaries of them are computed by the server. */
  saved: () => Promise<void> = () => Promise.resolve();
  private readonly renamed: ((from: string, to: string | null) => void)[] = [];
  private readonly columns: readonly Grouping[];

  constructor(schema: Schema) {
    this.columns = schema.obs.filter(canGroup).map(({ name, n_categories: n }) => ({
      id: columnId(name),
      name,
      n: n ?? 2,
      own: false,
    }));
  }

  /** The annotations first. */
  get list(): readonly Grouping[] {
    const own = this.annotations()
      .filter(({ n }) => n > 0)
      .map(({ name, n }) => ({ id: annotationKey(name), name, n, own: true }));
    const texts = this.texts()
      .filter(({ n }) => isNumberOfGroups(n))
      .map(({ name, n }) => ({ id: columnId(name), name, n, own: false }));
    return [...own, ...this.columns, ...texts];
  }

  /** The grouping of a field; null if its field has no groups. */
  ofField(key: string): Grouping | null {
    return this.list.find(({ id }) => groupingKey(id) === key) ?? null;
  }

  /** Call a function when an annotation is renamed or deleted (null). */
  onRenamed(callback: (from: string, to: string | null) => void): void {
    this.renamed.push(callback);
  }

  rename(from: string, to: string | null): void {
    for (const callback of this.renamed) callback(from, to);
  }
}

/** Return a column of the file as requests name it: a name that begins as that of an annotation has a prefix. */
export function columnId(name: string): string {
  return isAnnotationKey(name) || name.startsWith(obsKey('')) ? obsKey(name) : name;
}

/** Return the key of the field of a grouping. */
export function groupingKey(id: string): string {
  return isAnnotationKey(id) || id.startsWith(obsKey('')) ? id : obsKey(id);
}

/** Return the name of a grouping on the page. */
export function groupingName(id: string): string {
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
