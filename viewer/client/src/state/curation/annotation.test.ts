import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import { palette, separation } from '../../color/palette';
import type { CategoryData } from '../fields/field';
import { initialView, type View } from '../view/view';
import {
  type Annotation,
  annotationFrom,
  type Codes,
  editable,
  moves,
  newLabelId,
  nextColor,
  positions,
  rebased,
  requested,
  withCells,
  withEdit,
  withEditedCodes,
} from './annotation';
import { withAnnotationMoved } from './movedFields';

const ANNOTATION: Annotation = {
  name: 'mine',
  nUnlabelled: 2,
  labels: [
    { id: 10, name: 'A', color: '#111111', note: '', n: 1 },
    { id: 11, name: 'B', color: '', note: 'why', n: 2 },
    { id: 12, name: 'C', color: '', note: '', n: 1 },
  ],
};
const SCHEMA = {
  obs: [],
  embeddings: [],
  default_matrix: null,
  defaults: { color_by: '', embedding: '', min_fraction: 0.1 },
} as unknown as Schema;
const CODES: Codes = Int16Array.of(0, 1, 1, 2, -1, -1);

/** Return whether the counts are those of the codes: the oracle of every change. */
function agree(annotation: Annotation, codes: Codes): boolean {
  const counts = annotation.labels.map((_, k) => codes.filter((code) => code === k).length);
  const none = codes.filter((code) => code < 0).length;
  return annotation.nUnlabelled === none && annotation.labels.every(({ n }, k) => n === counts[k]);
}

test('counts stay those of the cells through random assignments and edits', () => {
  let [annotation, codes] = [ANNOTATION, CODES];
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  for (let k = 0; k < 300; k++) {
    const size = annotation.labels.length;
    if (random(3) > 0 || size === 0) {
      const cells = Uint32Array.from({ length: 6 }, (_, cell) => cell).filter(() => random(2) === 0);
      const filled = withCells(annotation, codes, cells, random(size + 1) - 1);
      expect(filled.n).toBe(filled.codes.filter((code, cell) => code !== codes[cell]).length);
      [annotation, codes] = [filled.annotation, filled.codes];
    } else {
      const edited = editable(annotation).sort(() => random(3) - 1);
      const merged = random(3) === 0 ? edited.pop() : undefined;
      const first = edited[0];
      if (merged && first && random(2) === 0) edited[0] = { ...first, was: [...first.was, ...merged.was] };
      if (edited.length < 4) edited.push({ name: `new ${k}`, color: '', note: '', was: [] });
      const moved = moves(annotation, edited);
      [annotation, codes] = [withEdit(annotation, edited, annotation.name), withEditedCodes(codes, moved)];
    }
    expect(agree(annotation, codes)).toBe(true);
  }
});

const idOf = ({ id }: { readonly id: number }) => id;

test('a request has the ids of the labels, or their names as long as the server has given none', () => {
  const edited = editable(ANNOTATION);
  edited[0] = { name: 'Z', color: '#111111', note: '', was: [0] };
  edited[1] = { name: 'B', color: '', note: 'why', was: [1, 2] };
  edited[2] = { name: 'new', color: '', note: '', was: [] };
  expect(requested(ANNOTATION, edited, idOf)).toEqual([
    { name: 'Z', color: '#111111', note: '', ids: [10] },
    { name: 'B', color: '', note: 'why', ids: [11, 12] },
    { name: 'new', color: '', note: '' },
  ]);
  const unknown = { ...ANNOTATION, labels: ANNOTATION.labels.map((label) => ({ ...label, id: newLabelId() })) };
  expect(requested(unknown, edited.slice(0, 2), idOf)).toEqual([
    { name: 'Z', color: '#111111', note: '', was: ['A'] },
    { name: 'B', color: '', note: 'why', was: ['B', 'C'] },
  ]);
});

test('the changes of others are added to an earlier state', () => {
  const theirs = {
    ...ANNOTATION,
    labels: [
      { id: 12, name: 'C', color: '', note: '', n: 3 },
      { id: 10, name: 'A2', color: '#111111', note: '', n: 1 },
      { id: 13, name: 'D', color: '', note: '', n: 0 },
    ],
  };
  const mine = withEdit(ANNOTATION, [...editable(ANNOTATION), { name: 'E', color: '', note: '', was: [] }], 'x');
  const found = rebased(ANNOTATION, mine, theirs, idOf);
  expect(found.name).toBe('x');
  expect(found.labels.map(({ name, n }) => [name, n])).toEqual([
    ['A2', 1],
    ['C', 3],
    ['E', 0],
    ['D', 0],
  ]);
  expect([...positions(ANNOTATION, found, idOf)]).toEqual([0, -1, 1]);
});

test('an annotation copied from a column has its cells; missing values are unlabelled', () => {
  const field: CategoryData = {
    kind: 'category',
    key: 'obs:x',
    title: 'x',
    values: Int8Array.of(1, -1, 0, 1),
    categories: ['p', 'q'],
    colors: ['#aaaaaa', '#bbbbbb'],
    hasMissing: true,
  };
  const { annotation, codes } = annotationFrom('y', field);
  expect([...codes]).toEqual([1, -1, 0, 1]);
  expect(agree(annotation, codes)).toBe(true);
  expect(annotation.labels.map(({ color }) => color)).toEqual(['#aaaaaa', '#bbbbbb']);
});

test('a new label has an unused colour', () => {
  const labels = Array.from({ length: 8 }, () => ({ color: '' }));
  const color = nextColor(labels);
  const again = nextColor([...labels, { color }]);
  expect(color).toMatch(/^#[0-9a-f]{6}$/);
  expect(again).not.toBe(color);
});

test('views follow an annotation that is renamed, edited or deleted', () => {
  const color = { kind: 'annotation', annotation: 'mine' } as const;
  const view: View = {
    ...initialView(SCHEMA),
    color,
    panes: [{ embedding: null, axes: null, color }],
    filters: { 'annotation:mine': { kind: 'category', mode: 'only', codes: [2, -1] } },
  };
  const renamed = withAnnotationMoved(view, 'mine', 'yours', Int16Array.of(1, -1, 0));
  expect(renamed.color).toEqual({ kind: 'annotation', annotation: 'yours' });
  expect(renamed.filters).toEqual({ 'annotation:yours': { kind: 'category', mode: 'only', codes: [0, -1] } });
  expect(renamed.panes[0]?.color).toEqual({ kind: 'annotation', annotation: 'yours' });
  const gone = withAnnotationMoved(view, 'mine', null, null);
  expect([gone.color, gone.filters]).toEqual([{ kind: 'none' }, {}]);
  const other = withAnnotationMoved(view, 'else', null, null);
  expect(other).toBe(view);
});

test('a new label has a colour that is plainly apart from all others, also from those that the user chose', () => {
  const own = palette(6);
  // almost the next colour of the palette
  const next = nextColor(own.map((color) => ({ color })));
  const near = `${next.slice(0, 6)}${next.endsWith('0') ? '1' : '0'}`;
  const labels = [...own, near].map((color) => ({ color }));
  const made = nextColor(labels);
  expect(Math.min(...labels.map(({ color }) => separation(color, made)))).toBeGreaterThan(0.08);
  expect(made).not.toBe(next);
});

test('categories that are no names of labels get those that the server gives them', () => {
  const categories = ['a\tb', '  ', '.', '..', 'x / y', '\u2028'];
  const values = Int8Array.of(0, 1, 2, 3, 4, 5);
  const field: CategoryData = {
    ...{ kind: 'category', key: 'obs:c', title: 'c', values, categories },
    ...{ colors: null, hasMissing: false },
  };
  const { labels } = annotationFrom('c', field).annotation;
  expect(labels.map(({ name }) => name)).toEqual(['a\ufffdb', '(blank)', '(.)', '(..)', 'x / y', '\ufffd']);
});
