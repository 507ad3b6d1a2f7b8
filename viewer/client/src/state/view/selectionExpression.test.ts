import { describe, expect, it } from 'vitest';
import type { FieldFilter } from './fieldFilter';
import type { FieldRef } from './fieldRef';
import { expressionOf, type SelectionExpression } from './selectionExpression';

const column: FieldRef = { obs: 'donor' };
const filter: FieldFilter = { kind: 'category', mode: 'only', codes: [2] };
const polygon: SelectionExpression = { polygon: [0, 0, 1, 0, 1, 1], embedding: 'X_umap' };
const filtered: SelectionExpression = { filters: [{ field: column, ...filter }] };
const known = () => column;

describe('how cells are found again', () => {
  it('is by the filters where nothing was drawn, be it all cells', () => {
    expect(expressionOf({ 'obs:donor': filter }, null, known)).toEqual(filtered);
    expect(expressionOf({}, null, known)).toEqual({ filters: [] });
  });

  it('is by what was drawn where nothing is filtered', () => {
    expect(expressionOf({}, { expression: polygon }, known)).toBe(polygon);
  });

  it('is by both where both are', () => {
    expect(expressionOf({ 'obs:donor': filter }, { expression: polygon }, known)).toEqual({
      join: 'intersect',
      of: [filtered, polygon],
    });
  });

  it('is not known where one of them is not', () => {
    expect(expressionOf({ 'obs:donor': filter }, { expression: null }, known)).toBeNull();
    expect(expressionOf({ 'obs:gone': filter }, { expression: polygon }, () => null)).toBeNull();
  });
});
