import { expect, test } from 'vitest';
import { csv, csvLine, tableLine } from './csv';

test('cells with commas, quotes and line ends are quoted', async () => {
  expect(csvLine(['a', 'b,c', 'd"e', null, 0.5, ' f', 'g\rh'])).toBe('a,"b,c","d""e",,0.5," f","g\rh"');
  expect(await csv(['x', 'y'], [[1, null]]).text()).toBe('x,y\n1,\n');
  expect(await csv(['x'], [], ['how', 'a\n"matrix"']).text()).toBe('# how\n# a "matrix"\nx\n');
});

test('text that a spreadsheet would evaluate is marked as text in tables, and not in addresses', () => {
  for (const text of ['=1+1', '+1', '-2', '@SUM(A1)', '\t=1', "'=1", '\uff1d1']) {
    expect(tableLine([text])).toMatch(/^"?'/);
    expect(csvLine([text])).not.toMatch(/^"?''/);
  }
  expect(tableLine(['a-b', -1.5, null, "it's"])).toBe("a-b,-1.5,,it's");
});
