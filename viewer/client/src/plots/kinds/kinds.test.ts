import { expect, test } from 'vitest';
import { dots } from './dots';
import { heatMap, sampled } from './heatMap';
import { NONE, rasterised } from './raster';
import { shares } from './shares';
import { violins } from './violinPlaces';

const SUMMARY = {
  ...{ matrix: 'X', group_by: 'type' },
  groups: ['T', 'empty', 'B'],
  n: [10, 0, 5],
  genes: [
    { gene: 'X2', gene_id: null, matrix: null, mean: [2, null, 4], fraction: [0.5, null, 1] },
    { gene: 'X10', gene_id: null, matrix: null, mean: [1, null, 1], fraction: [0.1, null, 0.1] },
  ],
};

test('dots leave out empty categories, and are standardised gene by gene', () => {
  const plain = dots(SUMMARY, 'none', 'given', 'given');
  expect(plain.groups.map(({ name }) => name)).toEqual(['T', 'B']);
  expect([plain.low, plain.high]).toEqual([0, 4]);
  const even = dots(SUMMARY, 'share', 'name', 'name');
  expect(even.groups.map(({ name }) => name)).toEqual(['B', 'T']);
  expect(even.genes).toEqual(['X2', 'X10']);
  expect(even.cells[0]).toEqual([
    { shade: 1, mean: 4, fraction: 1 },
    { shade: 0, mean: 2, fraction: 0.5 },
  ]);
});

test('shares count the cells that pass, the missing ones last', () => {
  const rows = Int8Array.of(0, 0, 1, 1, -1, 0);
  const parts = Int8Array.of(0, 1, 1, -1, 0, 0);
  const { counts, totals } = shares(rows, 2, parts, 2, Uint8Array.of(1, 1, 1, 1, 1, 0));
  expect(counts.map((row) => [...row])).toEqual([
    [1, 1, 0],
    [0, 1, 1],
  ]);
  expect(totals).toEqual([2, 2]);
});

test('cells are sampled alike from every category, and small ones leave their room to others', () => {
  const values = Int8Array.from([...Array(100).fill(0), ...Array(3).fill(1), ...Array(50).fill(2), -1]);
  const { groups, cells } = sampled({ values, categories: ['a', 'b', 'c', 'none'] }, null, 43);
  expect(groups).toEqual([
    { name: 'a', n: 100, shown: 20 },
    { name: 'b', n: 3, shown: 3 },
    { name: 'c', n: 50, shown: 20 },
  ]);
  expect(new Set(cells).size).toBe(43);
  expect([...cells].every((cell) => values[cell] !== -1)).toBe(true);
  const mask = new Uint8Array(values.length);
  mask[101] = 1;
  expect([...sampled({ values, categories: ['a', 'b', 'c'] }, mask, 43).cells]).toEqual([101]);
  expect(sampled({ values, categories: ['a', 'b', 'c'] }, null, 1000).cells).toHaveLength(153);
});

test('a heat map keeps cells with their category when categories change places', () => {
  const heat = {
    groups: [
      { name: 'z', n: 9, shown: 2 },
      { name: 'a', n: 1, shown: 1 },
    ],
    cells: Uint32Array.of(5, 6, 7),
    rows: [{ gene: 'G', values: Float32Array.of(1, 3, 8) }],
  };
  const { groups, cells, values, genes, high } = heatMap(heat, 'none', 'given', 'name');
  expect(groups.map(({ name, start }) => [name, start])).toEqual([
    ['a', 0],
    ['z', 1],
  ]);
  expect([cells, values, high]).toEqual([[7, 5, 6], [[8, 1, 3]], 8]);
  expect(genes[0]?.means).toEqual([8, 2]);
});

test('the highest value lies on top, and cells that do not pass below', () => {
  const at = Float32Array.of(0, 0, 1);
  const codes = Uint8Array.of(9, 200, 50);
  const levels = (mask: Uint8Array | null) => new Set(rasterised(at, at, codes, mask, 20));
  expect(levels(null)).toEqual(new Set([NONE, 200, 50]));
  expect(levels(Uint8Array.of(1, 0, 1))).toEqual(new Set([NONE, 9, 50]));
  expect(levels(Uint8Array.of(0, 0, 1))).toEqual(new Set([NONE, -1, 50]));
});

test('two parts are the halves of a violin, more stand side by side', () => {
  const group = (name: string, part: string | null) => ({
    ...{ name, part, n: 2, mean: 1, quantiles: [1, 2, 3], density: null },
  });
  const spread = (parts: (string | null)[]) => ({
    ...{ group_by: 'type', split_by: null, levels: [0.25, 0.5, 0.75], range: [0, 1] },
    groups: ['T', 'B'].flatMap((name) => parts.map((part) => group(name, part))),
  });
  const halves = violins(spread(['a', 'b']));
  expect(halves.violins.map(({ side, column }) => [side, column])).toEqual([
    [-1, 0],
    [1, 0],
    [-1, 1],
    [1, 1],
  ]);
  expect(halves.groups).toEqual([
    { name: 'T', n: 4 },
    { name: 'B', n: 4 },
  ]);
  const three = violins(spread(['a', 'b', 'c'])).violins.slice(0, 3);
  expect(three.every(({ side, half }) => side === 0 && half < 0.2)).toBe(true);
  expect(three.map(({ middle }) => middle)).toEqual([...three.map(({ middle }) => middle)].sort());
  expect(violins(spread([null])).violins[0]).toMatchObject({ side: 0, middle: 0.5, box: [1, 2, 3] });
});

test('an undefined mean is missing, and flattens neither its row nor the order of rows', () => {
  const genes = [{ gene: 'G', gene_id: null, matrix: null, mean: [null, 1, 3], fraction: [0.5, 1, 1] }];
  const summary = { ...SUMMARY, groups: ['a', 'b', 'c'], n: [2, 2, 2], genes };
  for (const standard of ['none', 'share', 'z'] as const) {
    const { cells, low, high } = dots(summary, standard, 'cluster', 'cluster');
    expect(cells[0]?.filter(({ shade }) => shade === null)).toHaveLength(1);
    expect(new Set(cells[0]?.map(({ shade }) => shade))).toHaveLength(3);
    expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
  }
  const values = Float32Array.of(Number.NaN, 1, 3, 5);
  const group = { name: 'all', n: 4, shown: 4 };
  const heat = { groups: [group], cells: Uint32Array.of(0, 1, 2, 3), rows: [{ gene: 'G', values }] };
  expect(heatMap(heat, 'share', 'given', 'given').values[0]).toEqual([Number.NaN, 0, 0.5, 1]);
  expect(heatMap(heat, 'none', 'given', 'given').genes[0]?.means).toEqual([3]);
  expect(heatMap(heat, 'z', 'given', 'cluster').values[0]?.slice(1).every(Number.isFinite)).toBe(true);
});
