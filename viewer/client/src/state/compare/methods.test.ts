import { expect, test } from 'vitest';
import { METHOD } from './methodFixture';
import { hasFoldChange, methodOf } from './methods';

test('a method is found by its id, and one that the server does not offer goes by its id', () => {
  const schema = { methods: [METHOD] };
  expect(methodOf(schema, METHOD.id)).toBe(METHOD);
  expect(methodOf(schema, 'older')).toMatchObject({
    id: 'older',
    label: 'older',
    name: 'older',
    columns: METHOD.columns,
  });
});

test('values of either sign have no fold change, nor have the results of some methods', () => {
  expect(hasFoldChange({ method: METHOD, result: { scale: 'log1p' } })).toBe(true);
  expect(hasFoldChange({ method: METHOD, result: { scale: 'signed' } })).toBe(false);
  expect(hasFoldChange({ method: { ...METHOD, has_fold_change: false }, result: { scale: 'log1p' } })).toBe(false);
});
