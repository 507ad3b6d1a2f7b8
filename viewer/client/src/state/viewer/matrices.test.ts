import { expect, test } from 'vitest';
import type { Api } from '../../api/client';
import type { MatrixInfo, Scale, Schema } from '../../api/types';
import { Matrices } from './matrices.svelte';

function matrix(name: string, scale: Scale | null): MatrixInfo {
  const log_base = scale === 'log1p' ? Math.E : null;
  return { name, modality: null, n_vars: 3, dtype: 'float32', layout: 'csr', nnz: 4, scale, log_base };
}

function schema(scales: (Scale | null)[], default_matrix: string): Schema {
  const [x = null, raw = null] = scales;
  const matrices = [matrix('X', x), matrix('raw/X', raw)];
  return { matrices, default_matrix, default_matrix_reason: `${default_matrix} is shown first` } as unknown as Schema;
}

test('scales are unknown during a download, and are read again after it', async () => {
  const api = { schema: () => Promise.resolve(schema(['log1p', 'counts'], 'X')) } as unknown as Api;
  const matrices = new Matrices(api, schema([null, null], 'raw/X'));
  expect([matrices.scaleOf('X'), matrices.byDefault]).toEqual([null, 'raw/X']);
  await matrices.refresh();
  expect([matrices.scaleOf('X'), matrices.scaleOf('raw/X'), matrices.byDefault]).toEqual(['log1p', 'counts', 'X']);
  expect(matrices.reason).toBe('X is shown first');
});

test('a scale is overruled for one matrix, until the one that was found is chosen again', () => {
  const matrices = new Matrices({} as Api, schema(['log1p', 'signed'], 'X'));
  matrices.choose('X', 'signed');
  expect([matrices.scaleOf('X'), matrices.chosenFor('X'), matrices.hasExpression('X')]).toEqual([
    'signed',
    'signed',
    false,
  ]);
  expect([matrices.scaleOf('raw/X'), matrices.chosenFor('raw/X')]).toEqual(['signed', null]);
  matrices.choose('X', 'log1p');
  expect([matrices.scaleOf('X'), matrices.chosenFor('X'), matrices.hasExpression('X')]).toEqual(['log1p', null, true]);
  expect([matrices.scaleOf(null), matrices.scaleOf('none')]).toEqual([null, null]);
});
