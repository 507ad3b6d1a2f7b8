/** Annotations as immutable values, and the changes to them. Nothing here sends a request. */
import type { AnnotationInfo, LabelEdit, LabelInfo } from '../../api/curationTypes';
import { PALETTE_SIZE, palette, separation } from '../../color/palette';
import type { NumberArray } from '../../wire/columns';
import type { CategoryData } from '../fields/field';
import { MISSING } from '../view/fieldFilter';
import { annotationKey } from '../view/fieldRef';

export interface Annotation {
  readonly name: string;
  readonly labels: readonly LabelInfo[];
  readonly nUnlabelled: number;
}

/** The position of each cell's label; -1 for an unlabelled cell. */
export type Codes = Int16Array<ArrayBuffer>;

/** A label after an edit; `was` has the positions of the labels that it replaces. */
export interface Edited {
  readonly name: string;
  readonly color: string;
  readonly note: string;
  readonly was: readonly number[];
}

let lastNewId = 0;

/** Return an id of a label that the server has not given one yet; it is negative. */
export function newLabelId(): number {
  return --lastNewId;
}

/** Return the id that the server knows a label by; negative as long as it does not. */
export type IdOf = (label: LabelInfo) => number;

export const UNLABELLED = 'Unlabelled';

export function annotationOf({ name, labels, n_unlabelled }: AnnotationInfo): Annotation {
  return { name, labels, nUnlabelled: n_unlabelled };
}

/** Return the labels of an annotation as the start of an edit. */
export function editable(annotation: Annotation): Edited[] {
  return annotation.labels.map(({ name, color, note }, k) => ({ name, color, note, was: [k] }));
}

/** Return the colours of labels: the chosen ones, else those of the palette. */
export function colorsOf(labels: readonly { readonly color: string }[]): string[] {
  const ours = palette(labels.length);
  return labels.map(({ color }, k) => color || (ours[k] as string));
}

/** Colours that are this far apart are told apart by everybody, see `separation`. */
const APART = 0.08;

/** Return a colour of the palette that is like that of no label: the first plainly apart from all, else the farthest. */
export function nextColor(labels: readonly { readonly color: string }[]): string {
  const taken = colorsOf(labels);
  const candidates = palette(Math.min(PALETTE_SIZE, labels.length + 20));
  let [best, farthest] = [candidates[0] as string, -1];
  for (const color of candidates) {
    const apart = Math.min(...taken.map((other) => separation(color, other)));
    if (apart >= APART) return color;
    if (apart > farthest) [best, farthest] = [color, apart];
  }
  return best;
}

/** Return the new position of each label; -1 for a deleted one. */
export function moves(before: Annotation, edited: readonly Edited[]): Int16Array {
  const moved = new Int16Array(before.labels.length).fill(MISSING);
  for (const [to, { was }] of edited.entries()) for (const from of was) moved[from] = to;
  return moved;
}

export function withEdit(annotation: Annotation, edited: readonly Edited[], name: string): Annotation {
  const labels = edited.map(({ name: called, color, note, was }) => ({
    id: annotation.labels[was[0] ?? MISSING]?.id ?? newLabelId(),
    name: called,
    color,
    note,
    n: was.reduce((sum, from) => sum + (annotation.labels[from]?.n ?? 0), 0),
  }));
  return { name, labels, nUnlabelled: total(annotation) - sumOf(labels) };
}

export function withEditedCodes(codes: Codes, moved: Int16Array): Codes {
  return codes.map((code) => (code < 0 ? MISSING : (moved[code] ?? MISSING)));
}

/** Assign a label to cells; -1 removes their label. */
export function withCells(
  annotation: Annotation,
  codes: Codes,
  cells: Uint32Array,
  to: number,
): { annotation: Annotation; codes: Codes; n: number } {
  const after = codes.slice();
  const counts = annotation.labels.map(({ n }) => n);
  let changed = 0;
  for (const cell of cells) {
    const from = after[cell] as number;
    if (from === to) continue;
    if (from >= 0) counts[from] = (counts[from] ?? 0) - 1;
    if (to >= 0) counts[to] = (counts[to] ?? 0) + 1;
    after[cell] = to;
    changed++;
  }
  const labels = annotation.labels.map((label, k) => ({ ...label, n: counts[k] as number }));
  return {
    annotation: { ...annotation, labels, nUnlabelled: total(annotation) - sumOf(labels) },
    codes: after,
    n: changed,
  };
}

/** Return an annotation that starts as a copy of a column, with names as the server makes them valid. */
export function annotationFrom(name: string, field: CategoryData): { annotation: Annotation; codes: Codes } {
  const codes = Int16Array.from(field.values as ArrayLike<number>);
  const counts = new Array<number>(field.categories.length).fill(0);
  let none = 0;
  for (const code of codes) {
    if (code >= 0) counts[code] = (counts[code] ?? 0) + 1;
    else none++;
  }
  const colors = field.colors ?? [];
  const labels = field.categories.map((label, k) => ({
    id: newLabelId(),
    name: validName(label),
    color: colors[k] ?? '',
    note: '',
    n: counts[k] as number,
  }));
  return { annotation: { name, labels, nUnlabelled: none }, codes };
}

/** Return a category of a file as the name of a label: the server's `clean_names`. */
function validName(category: string): string {
  const clean = category.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd');
  if (clean.trim() === '') return '(blank)';
  return clean === '.' || clean === '..' ? `(${clean})` : clean;
}

/** Return the labels as a request sends them. */
export function requested(before: Annotation, edited: readonly Edited[], idOf: IdOf): LabelEdit[] {
  return edited.map(({ name, color, note, was }) => {
    const sources = was.flatMap((from) => before.labels[from] ?? []);
    const ids = sources.map(idOf);
    if (ids.every((id) => id >= 0)) return { name, color, note, ...(ids.length > 0 ? { ids } : {}) };
    const names = sources.map((source) => source.name);
    const moved = names.length > 1 || names[0] !== name;
    return { name, color, note, ...(moved ? { was: names } : {}) };
  });
}

/** Return the new position of each label, matched by id; -1 for a label that is gone. */
export function positions(before: Annotation, after: Annotation, idOf: IdOf): Int16Array {
  const places = new Map(after.labels.map((label, k) => [idOf(label), k]));
  return Int16Array.from(before.labels, (label) => places.get(idOf(label)) ?? MISSING);
}

/** Return `mine` with the changes of labels from `base` to `theirs`, as far as they are known without the cells. */
export function rebased(base: Annotation, mine: Annotation, theirs: Annotation, idOf: IdOf): Annotation {
  const [was, their] = [base, theirs].map(({ labels }) => new Map(labels.map((label) => [idOf(label), label])));
  const has = new Set(mine.labels.map(idOf));
  const kept = mine.labels.flatMap((label) => {
    const id = idOf(label);
    const [before, now] = [was?.get(id), their?.get(id)];
    if (!now) return before ? [] : [label];
    const of = <K extends keyof LabelInfo>(key: K) => (label[key] === before?.[key] ? now[key] : label[key]);
    const n = Math.max(0, label.n + now.n - (before?.n ?? 0));
    return [{ id, name: of('name'), color: of('color'), note: of('note'), n }];
  });
  const added = theirs.labels.filter((label) => !has.has(idOf(label)) && !was?.has(idOf(label)));
  const labels = [...kept, ...added];
  const name = mine.name === base.name ? theirs.name : mine.name;
  return { name, labels, nUnlabelled: Math.max(0, total(mine) - sumOf(labels)) };
}

export function fieldOf(annotation: Annotation, codes: NumberArray): CategoryData {
  return {
    kind: 'category',
    key: annotationKey(annotation.name),
    title: annotation.name,
    values: codes,
    categories: annotation.labels.map(({ name }) => name),
    colors: colorsOf(annotation.labels),
    hasMissing: annotation.nUnlabelled > 0,
    without: UNLABELLED,
  };
}

export function sameAnnotation(one: Annotation, other: Annotation): boolean {
  if (one.name !== other.name || one.nUnlabelled !== other.nUnlabelled) return false;
  if (one.labels.length !== other.labels.length) return false;
  return one.labels.every((label, k) => {
    const its = other.labels[k];
    return its?.name === label.name && its.color === label.color && its.note === label.note && its.n === label.n;
  });
}

/** Return whether two annotations have the same labels with equal counts. */
export function sameCells(one: Annotation, other: Annotation): boolean {
  return (
    one.labels.length === other.labels.length &&
    one.labels.every(({ name, n }, k) => other.labels[k]?.name === name && other.labels[k]?.n === n)
  );
}

function total(annotation: Annotation): number {
  return annotation.nUnlabelled + sumOf(annotation.labels);
}

function sumOf(labels: readonly LabelInfo[]): number {
  return labels.reduce((sum, { n }) => sum + n, 0);
}
