import { expect, test } from 'vitest';
import { stepwise } from '../../canvas/steps';
import { coloringSteps, greyCells } from './coloring';
import type { FieldData } from './field';

test('the cells at zero and without a value are counted in the subset', async () => {
  const field = {
    kind: 'range',
    key: 'gene:X:A',
    title: 'A',
    values: Float32Array.of(0, 0, 1, 2, Number.NaN, 0),
    gene: { gene: 'A', matrix: 'X' },
  } as unknown as FieldData;
  const coloring = await stepwise(coloringSteps(field));
  if (coloring.kind !== 'value') throw new Error(coloring.kind);
  expect(greyCells(coloring, null)).toEqual({ nZero: 3, nMissing: 1 });
  expect(greyCells(coloring, Uint8Array.of(1, 0, 1, 0, 1, 1))).toEqual({ nZero: 2, nMissing: 1 });
  expect(greyCells(coloring, Uint8Array.of(0, 0, 1, 1, 0, 0))).toEqual({ nZero: 0, nMissing: 0 });
});
