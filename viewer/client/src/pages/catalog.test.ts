import { describe, expect, it } from 'vitest';
import type { CatalogDataset } from '../api/contract';
import { EMPTY_SEARCH, facets, find, fromHash, ordered, toggled, toHash } from './catalog';
import { span } from './status';

function listed(id: string, more: Partial<CatalogDataset> = {}): CatalogDataset {
  return {
    id,
    url: `d/${id}/`,
    title: id,
    place: `${id}.h5ad`,
    description: '',
    state: 'ready',
    progress: null,
    message: '',
    error: null,
    open: false,
    role: 'read',
    size: 5e6,
    modified: 0,
    n_obs: 500,
    n_vars: 2000,
    organism: [],
    tissue: [],
    thumbnail: null,
    ...more,
  };
}

const ALL = [
  listed('blood', {
    organism: ['human'],
    tissue: ['blood', 'marrow'],
    n_obs: 5000,
    description: '<p>A <b>donor</b></p>',
  }),
  listed('lung 10', { organism: ['mouse'], tissue: ['lung'] }),
  listed('lung 9', { organism: ['mouse'], tissue: ['lung'], size: null, n_obs: null }),
  listed('broken', { state: 'error', n_obs: null, n_vars: null }),
];
const ids = (datasets: readonly CatalogDataset[]) => datasets.map(({ id }) => id);

describe('what is looked for', () => {
  it('has every word, wherever it stands, and none of the markup', () => {
    const by = (text: string) => ids(find(ALL, { ...EMPTY_SEARCH, text }));
    expect(by('')).toHaveLength(4);
    expect(by(' LUNG  mouse ')).toEqual(['lung 10', 'lung 9']);
    expect(by('donor')).toEqual(['blood']);
    expect(by('<b>')).toEqual([]);
  });

  it('has one of the values of each facet', () => {
    const one = toggled(EMPTY_SEARCH, 'organism', 'mouse');
    expect(ids(find(ALL, one))).toEqual(['lung 10', 'lung 9']);
    expect(ids(find(ALL, toggled(one, 'organism', 'human')))).toEqual(['blood', 'lung 10', 'lung 9']);
    expect(ids(find(ALL, toggled(one, 'cells', 'below 1,000')))).toEqual(['lung 10']);
    expect(toggled(one, 'organism', 'mouse')).toEqual(EMPTY_SEARCH);
  });

  it('counts for each value what choosing it would leave', () => {
    const search = toggled({ ...EMPTY_SEARCH, text: 'lung' }, 'organism', 'human');
    for (const { name, values } of facets(ALL, search)) {
      for (const { value, n, isChosen } of values) {
        const others = { ...search.chosen, [name]: [value] };
        expect([name, value, n]).toEqual([name, value, find(ALL, { ...search, chosen: others }).length]);
        expect(isChosen).toBe(search.chosen[name]?.includes(value) ?? false);
      }
    }
  });

  it('is in the address and back', () => {
    const search = toggled(toggled({ ...EMPTY_SEARCH, text: 'a&b=#é' }, 'tissue', 'x,y'), 'tissue', 'z');
    expect(fromHash(`#${toHash(search, 'cells')}`)).toEqual({ search, order: 'cells' });
    expect(fromHash('#order=constructor&nothing=1')).toEqual({ search: EMPTY_SEARCH, order: 'title' });
  });

  it('is ordered by numbers in names, and what is unknown comes last', () => {
    expect(ids(ordered(ALL, 'title'))).toEqual(['blood', 'broken', 'lung 9', 'lung 10']);
    expect(ids(ordered(ALL, 'cells'))).toEqual(['blood', 'lung 10', 'broken', 'lung 9']);
  });
});

it('writes spans of time in two units', () => {
  expect([0, 59.9, 60, 3600 * 25, 86_400 * 2].map(span)).toEqual(['0 s', '59 s', '1 min', '1 d 1 h', '2 d']);
});
