import { describe, expect, it } from 'vitest';
import type { FieldFilter } from './fieldFilter';
import type { FieldRef } from './fieldRef';
import { type Recipe, recipeOf } from './selectionExpression';

const column: FieldRef = { obs: 'donor' };
const filter: FieldFilter = { kind: 'category', mode: 'only', codes: [2] };
const polygon: Recipe = { polygon: [0, 0, 1, 0, 1, 1], embedding: 'X_umap' };
const filtered: Recipe = { filters: [{ field: column, ...filter }] };
const known = () => column;

describe('how cells are found again', () => {
  it('is by the filters where nothing was drawn, be it all cells', () => {
    expect(recipeOf({ 'obs:donor': filter }, null, known)).toEqual(filtered);
    expect(recipeOf({}, null, known)).toEqual({ filters: [] });
  });

  it('is by what was drawn where nothing is filtered', () => {
    expect(recipeOf({}, { recipe: polygon }, known)).toBe(polygon);
  });

  it('is by both where both are', () => {
    expect(recipeOf({ 'obs:donor': filter }, { recipe: polygon }, known)).toEqual({
      join: 'intersect',
      of: [filtered, polygon],
    });
  });

  it('is not known where one of them is not', () => {
    expect(recipeOf({ 'obs:donor': filter }, { recipe: null }, known)).toBeNull();
    expect(recipeOf({ 'obs:gone': filter }, { recipe: polygon }, () => null)).toBeNull();
  });
});
