import { describe, expect, it } from 'vitest';
import type { FieldFilter } from './fieldFilter';
import type { FieldRef } from './fieldRef';
import { expressionOf, type SelectionExpression } from './selectionExpression';

const column: FieldRef = { obs: 'donor' };
const filter: FieldFilter = { kind: 'category', mode: 'only', codes: [2] };
const polygon: SelectionExpression = { polygon: [0, 0, 1, 0, 1, 1], embedding: 'X_umap' };
const filtered: SelectionExpression = { filters: [{ field: column, ...filter }] };
const known = () => column;

describe('the expression of a selection', () => {
  it('has the filters if nothing was drawn', () => {
    expect(expressionOf({ 'obs:donor': filter }, null, known)).toEqual(filtered);
    expect(expressionOf({}, null, known)).toEqual({ filters: [] });
  });

  it('is that of the shape if there are no filters', () => {
    expect(expressionOf({}, { expression: polygon }, known)).toBe(polygon);
  });

  it('joins both', () => {
    expect(expressionOf({ 'obs:donor': filter }, { expression: polygon }, known)).toEqual({
      join: 'intersect',
      of: [filtered, polygon],
    });
  });

  it('is null if one of them is unknown', () => {
    expect(expressionOf({ 'obs:donor': filter }, { expression: null }, known)).toBeNull();
    expect(expressionOf({ 'obs:gone': filter }, { expression: polygon }, () => null)).toBeNull();
  });
});
