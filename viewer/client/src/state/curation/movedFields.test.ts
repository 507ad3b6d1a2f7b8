import { expect, test } from 'vitest';
import type { Schema } from '../../api/types';
import { initialView, type View } from '../view/view';
import { withAnnotationMoved, withColumnMoved } from './movedFields';

const SCHEMA = {
  obs: [],
  embeddings: [],
  default_matrix: null,
  defaults: { color_by: '', embedding: '', min_fraction: 0.1 },
} as unknown as Schema;
const VIEW: View = {
  ...initialView(SCHEMA),
  color: { kind: 'obs', column: 'type' },
  panes: [
    { embedding: null, axes: null, color: { kind: 'obs', column: 'type' } },
    { embedding: null, axes: null, color: { kind: 'level', level: 1, of: { obs: 'type' } } },
  ],
  gallery: { kind: 'categories', column: 'level:1:type' },
  filters: {
    'obs:type': { kind: 'category', mode: 'only', codes: [0, 2] },
    'level:1:obs:type': { kind: 'category', mode: 'only', codes: [1] },
  },
};

test('the version of a column takes its place in colours, plots, gallery and filters', () => {
  const moved = withColumnMoved(VIEW, { obs: 'type' }, { annotation: 'type' }, Int16Array.of(1, 0, 1));
  expect(moved.color).toEqual({ kind: 'annotation', annotation: 'type' });
  expect(moved.panes[1]?.color).toEqual({ kind: 'level', level: 1, of: { annotation: 'type' } });
  expect(moved.gallery).toEqual({ kind: 'categories', column: 'level:1:annotation:type' });
  expect(moved.filters).toEqual({
    'annotation:type': { kind: 'category', mode: 'only', codes: [1] },
    'level:1:annotation:type': { kind: 'category', mode: 'only', codes: [1] },
  });
});

test('a level whose categories changed is no longer filtered', () => {
  const view: View = { ...VIEW, filters: { 'level:1:annotation:a': { kind: 'category', mode: 'only', codes: [1] } } };
  expect(withAnnotationMoved(view, 'a', 'a', Int16Array.of(0), false).filters).toEqual({});
  expect(withAnnotationMoved(view, 'a', 'b', Int16Array.of(0)).filters).toEqual({
    'level:1:annotation:b': { kind: 'category', mode: 'only', codes: [1] },
  });
  expect(withAnnotationMoved(VIEW, 'type', null, null)).toBe(VIEW);
});
