import { expect, test } from 'vitest';
import { labelsOf, namesFrom } from './categoryNames';

const CLUSTERS = ['0', '1', '2', '10'];

test.each([
  ['tabs', '0\tCD4 T\n1\tB cell\n10\tCD4 T'],
  ['commas', '0,CD4 T\r\n1, B cell\r\n10,CD4 T\r\n'],
  ['spaces', '  0   CD4 T\n1 B cell\n10  CD4 T  '],
  ['quotes and a header', '"cluster","name"\n"0","CD4 T"\n"1","B cell"\n"10","CD4 T"'],
])('a table with %s', (_, text) => {
  const found = namesFrom(text, CLUSTERS, 'leiden');
  expect(found).toEqual({ names: ['CD4 T', 'B cell', null, 'CD4 T'], unknown: [], repeated: [], unnamed: [] });
  expect(labelsOf(found.names)).toEqual([
    { name: 'CD4 T', of: [0, 3] },
    { name: 'B cell', of: [1] },
  ]);
});

test('case and surrounding blanks make no difference, unless categories differ in them', () => {
  expect(namesFrom('b CELLS\tx\n nk \ty', ['B cells', 'NK'], '').names).toEqual(['x', 'y']);
  expect(namesFrom('nk\tx\nNK\ty', ['NK', 'nk'], '').names).toEqual(['y', 'x']);
});

test('categories with blanks and commas', () => {
  const categories = ['CD4', 'CD4 T, naive', 'CD4 T'];
  const text = 'CD4 T, naive, one\nCD4 T two words\nCD4,three';
  expect(namesFrom(text, categories, '').names).toEqual(['three', 'one', 'two words']);
});

test('what does not match is listed', () => {
  const found = namesFrom('leiden,type\n0,T\n7,B\n 7 ,NK\n1\n0,B\n0,T', CLUSTERS, 'Leiden');
  expect(found).toEqual({ names: ['T', null, null, null], unknown: ['7'], repeated: ['0'], unnamed: ['1'] });
});
