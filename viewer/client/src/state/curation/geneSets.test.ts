import { expect, test } from 'vitest';
import { type GeneSet, namesIn, rebased } from './geneSets.svelte';

test('names are found whatever stands between them', () => {
  expect(namesIn('CD3D, CD3E;MS4A1\tLYZ  CD3D')).toEqual(['CD3D', 'CD3E', 'MS4A1', 'LYZ']);
  expect(namesIn('"CD3D"\n"LYZ"\n')).toEqual(['CD3D', 'LYZ']);
  expect(namesIn('a gene\nanother gene')).toEqual(['a gene', 'another gene']);
  expect(namesIn('CD3D CD3E')).toEqual(['CD3D', 'CD3E']);
  expect(namesIn(' \n ')).toEqual([]);
});

test('an earlier state gets the genes that others have added and removed, and their name', () => {
  const set = (name: string, ...genes: string[]): GeneSet => ({ name, genes, description: '' });
  const [before, mine, theirs] = [set('T', 'A', 'B'), set('T', 'A', 'B', 'C'), set('T cells', 'A', 'C', 'D')];
  // from the state with my C to theirs: B was removed, D added, the set renamed
  expect(rebased(mine, before, theirs)).toEqual(set('T cells', 'A', 'D'));
  expect(rebased(mine, mine, theirs)).toEqual(set('T cells', 'A', 'C', 'D'));
  expect(rebased(mine, { ...before, description: 'old' }, mine)).toEqual({ ...before, description: 'old' });
});
