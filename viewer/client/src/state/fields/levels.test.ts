import { expect, test } from 'vitest';
import { levelOfKey } from '../view/fieldRef';
import type { CategoryData } from './field';
import { columnOfKey, groupingKey, groupingName, replacedBy } from './groupings.svelte';
import { categoriesAt, depthOf, hasSameLevels, levelField, parents, partsOf } from './levels';

const NAMES = ['T / CD8 / Effector', 'B', 'T / CD4', 'T', 'NK/T', 'T / CD8 / Naive'];
const FIELD: CategoryData = {
  kind: 'category',
  key: 'obs:type',
  title: 'type',
  values: Int8Array.of(5, -1, 0, 1, 2, 3, 4),
  categories: NAMES,
  colors: ['#000001', '#000002', '#000003', '#000004', '#000005', '#000006'],
  hasMissing: true,
};

test('a level has the first parts of the categories, in the order of their first ones', () => {
  expect(depthOf(NAMES)).toBe(3);
  expect(depthOf(['A/B', 'C'])).toBe(1);
  expect(partsOf('T / CD8 / Naive', 2)).toBe('T / CD8');
  expect(categoriesAt(NAMES, 1)).toEqual(['T', 'B', 'NK/T']);
  expect(categoriesAt(NAMES, 2)).toEqual(['T / CD8', 'B', 'T / CD4', 'T', 'NK/T']);
});

test('the cells of a level are those of all categories below, in the colour of the first', () => {
  const level = levelField(FIELD, 1);
  expect([...level.values]).toEqual([0, -1, 0, 1, 0, 0, 2]);
  expect(level.colors).toEqual(['#000001', '#000002', '#000005']);
  expect(level.key).toBe('level:1:obs:type');
  expect(level.title).toBe('type (level 1)');
});

test('categories are listed below their first level, those of missing values last', () => {
  expect(parents(NAMES, [0, 1, 2, 3, 4, 5, -1])).toEqual([
    { name: 'T', codes: [0, 2, 3, 5] },
    { name: 'B', codes: [1] },
    { name: 'NK/T', codes: [4] },
    { name: '', codes: [-1] },
  ]);
});

test('keys of levels name their column, whatever its name', () => {
  expect(groupingKey('level:1:type')).toBe('level:1:obs:type');
  expect(groupingKey('level:2:annotation:Mine')).toBe('level:2:annotation:Mine');
  expect(groupingName('level:2:annotation:Mine')).toBe('Mine (level 2)');
  expect(columnOfKey('level:1:obs:a\nb')).toEqual({ level: 1, of: { obs: 'a\nb' } });
  expect(columnOfKey('level:1:gene:X:a')).toBeNull();
  expect(levelOfKey('level:0:obs:a')).toBeNull();
});

test('a grouping follows its column to another, and its level too', () => {
  expect(replacedBy('type', 'type', 'annotation:type')).toBe('annotation:type');
  expect(replacedBy('level:1:type', 'type', 'annotation:type')).toBe('level:1:annotation:type');
  expect(replacedBy('level:1:type', 'type', null)).toBeNull();
  expect(replacedBy('other', 'type', null)).toBe('other');
});

test('levels stay the same if only their last parts change', () => {
  expect(hasSameLevels(['T / a', 'B'], ['T / b', 'B'])).toBe(true);
  expect(hasSameLevels(['T / a', 'B'], ['Tx / a', 'B'])).toBe(false);
  expect(hasSameLevels(['T / a', 'B'], ['T', 'B'])).toBe(false);
});
