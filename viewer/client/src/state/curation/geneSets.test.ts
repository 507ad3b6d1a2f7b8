import { expect, test } from 'vitest';
import { namesIn } from './geneSets.svelte';

test('names are found whatever stands between them', () => {
  expect(namesIn('CD3D, CD3E;MS4A1\tLYZ  CD3D')).toEqual(['CD3D', 'CD3E', 'MS4A1', 'LYZ']);
  expect(namesIn('"CD3D"\n"LYZ"\n')).toEqual(['CD3D', 'LYZ']);
  expect(namesIn('a gene\nanother gene')).toEqual(['a gene', 'another gene']);
  expect(namesIn('CD3D CD3E')).toEqual(['CD3D', 'CD3E']);
  expect(namesIn(' \n ')).toEqual([]);
});
