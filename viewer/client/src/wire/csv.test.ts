import { expect, test } from 'vitest';
import { csv, csvLine } from './csv';

test('cells with commas, quotes and line ends are quoted', async () => {
  expect(csvLine(['a', 'b,c', 'd"e', null, 0.5, ' f', 'g\rh'])).toBe('a,"b,c","d""e",,0.5," f","g\rh"');
  expect(await csv(['x', 'y'], [[1, null]]).text()).toBe('x,y\n1,\n');
  expect(await csv(['x'], [], ['how', 'a\n"matrix"']).text()).toBe('# how\n# a "matrix"\nx\n');
});
