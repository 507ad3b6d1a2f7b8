import { expect, test } from 'vitest';
import type { SampleColumnInfo } from '../../api/types';
import type { CategoryData } from '../../state/fields/field';
import { conditionAmong, type Side } from './sampleShares';

function side(id: string, categories: readonly string[]): Side {
  return { id, field: { categories } as unknown as CategoryData };
}

const DONOR: SampleColumnInfo = { name: 'donor', samples: ['d0', 'd1'], constant: ['condition', 'age'] };
const TYPE = side('type', ['B', 'T', 'NK']);
const CONDITION = side('condition', ['sick', 'well']);

test('the column of two categories that is constant in each sample is the condition, on either place', () => {
  const expected = { condition: CONDITION, of: TYPE, sample: 'donor' };
  expect(conditionAmong([TYPE, CONDITION], [DONOR])).toEqual(expected);
  expect(conditionAmong([CONDITION, TYPE], [DONOR])).toEqual(expected);
});

test('without a condition, or with the samples themselves, nothing is compared', () => {
  expect(conditionAmong([TYPE, side('age', ['1', '2', '3'])], [DONOR])).toBe(null);
  expect(conditionAmong([side('kind', ['B', 'T']), CONDITION], [])).toBe(null);
  expect(conditionAmong([side('donor', ['d0', 'd1']), CONDITION], [DONOR])).toBe(null);
});
