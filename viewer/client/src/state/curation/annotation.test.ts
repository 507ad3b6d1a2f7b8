import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import type { CategoryData } from '../fields/field';
import { initialView, type View } from '../view/view';
import {
  type Codes,
  editable,
  type Label,
  labelFrom,
  moves,
  nextColor,
  requested,
  withCells,
  withEdit,
  withEditedCodes,
  withLabelMoved,
} from './annotation';

const LABEL: Label = {
  name: 'mine',
  nUnlabelled: 2,
  categories: [
    { name: 'A', color: '#111111', note: '', n: 1 },
    { name: 'B', color: '', note: 'why', n: 2 },
    { name: 'C', color: '', note: '', n: 1 },
  ],
};
const SCHEMA = {
  obs: [],
  embeddings: [],
  default_matrix: null,
  defaults: { color_by: '', embedding: '' },
} as unknown as Schema;
const CODES: Codes = Int16Array.of(0, 1, 1, 2, -1, -1);

/** Whether counts are those of the codes: the oracle of every change. */
function agree(label: Label, codes: Codes): boolean {
  const counts = label.categories.map((_, k) => codes.filter((code) => code === k).length);
  const none = codes.filter((code) => code < 0).length;
  return label.nUnlabelled === none && label.categories.every(({ n }, k) => n === counts[k]);
}

test('counts stay those of the cells through random assignments and edits', () => {
  let [label, codes] = [LABEL, CODES];
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  for (let k = 0; k < 300; k++) {
    const size = label.categories.length;
    if (random(3) > 0 || size === 0) {
      const cells = Uint32Array.from({ length: 6 }, (_, cell) => cell).filter(() => random(2) === 0);
      const filled = withCells(label, codes, cells, random(size + 1) - 1);
      expect(filled.n).toBe(filled.codes.filter((code, cell) => code !== codes[cell]).length);
      [label, codes] = [filled.label, filled.codes];
    } else {
      const edited = editable(label).sort(() => random(3) - 1);
      const merged = random(3) === 0 ? edited.pop() : undefined;
      const first = edited[0];
      if (merged && first && random(2) === 0) edited[0] = { ...first, was: [...first.was, ...merged.was] };
      if (edited.length < 4) edited.push({ name: `new ${k}`, color: '', note: '', was: [] });
      const moved = moves(label, edited);
      [label, codes] = [withEdit(label, edited, label.name), withEditedCodes(codes, moved)];
    }
    expect(agree(label, codes)).toBe(true);
  }
});

test('a request names where a category comes from only where it has another name or several sources', () => {
  const edited = editable(LABEL);
  edited[0] = { name: 'Z', color: '#111111', note: '', was: [0] };
  edited[1] = { name: 'B', color: '', note: 'why', was: [1, 2] };
  expect(requested(LABEL, edited.slice(0, 2))).toEqual([
    { name: 'Z', color: '#111111', note: '', was: ['A'] },
    { name: 'B', color: '', note: 'why', was: ['B', 'C'] },
  ]);
  expect(requested(LABEL, editable(LABEL)).every((entry) => entry.was === undefined)).toBe(true);
});

test('a label from a column has its cells, its missing ones are unlabelled', () => {
  const field: CategoryData = {
    kind: 'category',
    key: 'obs:x',
    title: 'x',
    values: Int8Array.of(1, -1, 0, 1),
    categories: ['p', 'q'],
    colors: ['#aaaaaa', '#bbbbbb'],
    hasMissing: true,
  };
  const { label, codes } = labelFrom('y', field);
  expect([...codes]).toEqual([1, -1, 0, 1]);
  expect(agree(label, codes)).toBe(true);
  expect(label.categories.map(({ color }) => color)).toEqual(['#aaaaaa', '#bbbbbb']);
});

test('a new colour is one that no category has', () => {
  const categories = Array.from({ length: 8 }, () => ({ color: '' }));
  const color = nextColor(categories);
  const again = nextColor([...categories, { color }]);
  expect(color).toMatch(/^#[0-9a-f]{6}$/);
  expect(again).not.toBe(color);
});

test('views follow a label that is renamed, whose categories move, or that is gone', () => {
  const color = { kind: 'label', label: 'mine' } as const;
  const view: View = {
    ...initialView(SCHEMA),
    color,
    panes: [{ embedding: null, axes: null, color }],
    filters: { 'annotation:mine': { kind: 'category', mode: 'only', codes: [2, -1] } },
  };
  const renamed = withLabelMoved(view, 'mine', 'yours', Int16Array.of(1, -1, 0));
  expect(renamed.color).toEqual({ kind: 'label', label: 'yours' });
  expect(renamed.filters).toEqual({ 'annotation:yours': { kind: 'category', mode: 'only', codes: [0, -1] } });
  expect(renamed.panes[0]?.color).toEqual({ kind: 'label', label: 'yours' });
  const gone = withLabelMoved(view, 'mine', null, null);
  expect([gone.color, gone.filters]).toEqual([{ kind: 'none' }, {}]);
  const other = withLabelMoved(view, 'else', null, null);
  expect(other).toBe(view);
});
