import { expect, test, vi } from 'vitest';
import type { DesignOfSamples, DesignRequest, SampleColumnInfo } from '../../api/types';
import type { Viewer } from '../viewer/viewer.svelte';
import { Samples } from './samples.svelte';

const COLUMNS: SampleColumnInfo[] = [
  { name: 'donor', samples: ['d0', 'd1'], constant: ['sex', 'age'] },
  { name: 'batch', samples: ['x', 'y'], constant: [] },
];
const DESIGN = { problem: null, units: [], warnings: [] } as unknown as DesignOfSamples;

function samplesOf(setA: object | null, setB: object | 'rest' | null) {
  const asked: DesignRequest[] = [];
  const samples = vi.fn(() => Promise.resolve({ columns: COLUMNS }));
  const design = (body: DesignRequest) => {
    asked.push(body);
    return Promise.resolve(DESIGN);
  };
  const view = { setA, setB };
  const fail = vi.fn();
  const cells = { get: () => Uint32Array.of(1, 2) };
  const made = new Samples({
    api: { samples, design },
    view,
    cells,
    fail,
    selection: { subsetWithin: null },
  } as unknown as Viewer);
  return { made, asked, samples, fail, view };
}

test('the likeliest column is chosen, and its design asked for', async () => {
  const { made, asked } = samplesOf({}, 'rest');
  expect(made.column).toBe(null);
  await made.refresh();
  expect(made.column).toBe('donor');
  expect(made.adjustable).toEqual(['sex', 'age']);
  expect(made.design).toBe(DESIGN);
  expect(asked).toEqual([{ a: { indices: [1, 2] }, b: 'rest', sample: 'donor', covariates: [] }]);
});

test('the column by which the sets were made is not adjusted for', async () => {
  const expression = { filters: [{ field: { obs: 'sex' }, kind: 'category', mode: 'only', codes: [0] }] };
  const { made, asked, view } = samplesOf({ expression }, 'rest');
  await made.refresh();
  expect(made.condition).toBe('sex');
  made.toggle('sex');
  made.toggle('age');
  await made.refresh();
  expect(asked.at(-1)).toMatchObject({ covariates: ['age'] });
  view.setB = {};
  expect(made.condition).toBe(null);
  view.setB = { expression };
  expect(made.condition).toBe('sex');
});

test('covariates are those of the chosen column', async () => {
  const { made, asked, samples } = samplesOf({}, {});
  await made.refresh();
  made.toggle('sex');
  made.toggle('age');
  made.toggle('sex');
  await made.refresh();
  expect(asked.at(-1)).toMatchObject({ sample: 'donor', covariates: ['age'] });
  made.choose('batch');
  await made.refresh();
  expect(asked.at(-1)).toMatchObject({ sample: 'batch', covariates: [] });
  expect(samples).toHaveBeenCalledTimes(1);
});

test('without both sets there is no design', async () => {
  const { made, asked, view } = samplesOf({}, 'rest');
  await made.refresh();
  view.setA = null;
  await made.refresh();
  expect(made.design).toBe(null);
  expect(asked).toHaveLength(1);
});

test('a failure is shown, and there is no design', async () => {
  const { made, fail } = samplesOf({}, 'rest');
  await made.refresh();
  (made as unknown as { viewer: { api: { design: () => Promise<never> } } }).viewer.api.design = () =>
    Promise.reject(new Error('no'));
  await made.refresh();
  expect(fail).toHaveBeenCalledOnce();
  expect(made.design).toBe(null);
});
