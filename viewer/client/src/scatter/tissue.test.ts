import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TISSUE,
  flippedOver,
  oriented,
  readTissue,
  savedTissue,
  turned,
  turnOf,
  unoriented,
} from '../state/view/tissue';
import { sectionsBeside } from '../state/view/view';
import { roundBar } from './scaleBar';

const UPRIGHT = { turns: 0, flipped: false } as const;

describe('the orientation of a tissue', () => {
  it('turns clockwise, and flips as it is seen', () => {
    expect(oriented(turnOf(turned(UPRIGHT, 1)), 0, 1)).toEqual([1, 0]);
    expect(oriented(turnOf(turned(UPRIGHT, -1)), 0, 1)).toEqual([-1, 0]);
    // The upper left corner, turned to the upper right, is flipped to the upper left.
    const seen = flippedOver(turned(UPRIGHT, 1));
    expect(oriented(turnOf(seen), -1, 1)).toEqual([-1, 1]);
    expect(oriented(turnOf(flippedOver(seen)), -1, 1)).toEqual([1, 1]);
  });

  it('is undone exactly for shapes, whatever it is', () => {
    const corners = [0.1, -3e5, 7, 1 / 3];
    for (const turns of [0, 1, 2, 3] as const) {
      for (const flipped of [false, true]) {
        const turn = turnOf({ turns, flipped });
        const seen = [...oriented(turn, corners[0] as number, corners[1] as number), ...oriented(turn, 7, 1 / 3)];
        expect(unoriented({ turns, flipped }, seen)).toEqual(corners);
      }
    }
  });

  it('is in links where it is not the usual, and hostile links change nothing', () => {
    expect(savedTissue(DEFAULT_TISSUE)).toBeNull();
    const look = { ...DEFAULT_TISSUE, turns: 3, opacity: 0.25 } as const;
    expect(savedTissue(look)).toEqual({ turns: 3, opacity: 0.25 });
    expect(readTissue({ turns: 3, opacity: 0.25 })).toEqual(look);
    expect(readTissue({ turns: 9, opacity: -1, brightness: '<b>', image: 1, flipped: null })).toEqual(DEFAULT_TISSUE);
  });
});

describe('the scale bar', () => {
  it.each([
    [0.7268, 130, '50 µm'],
    [10, 130, '1 mm'],
    [4, 130, '500 µm'],
    [0.01, 100, '1 µm'],
    [0.001, 100, '0.1 µm'],
  ])('of %d µm a pixel within %d pixels is %s', (microns, most, label) => {
    const bar = roundBar(microns, most);
    expect(bar?.label).toBe(label);
    expect(bar?.pixels).toBeLessThanOrEqual(most);
    expect(bar?.pixels).toBeGreaterThan(most / 2.6);
  });

  it('is none without a scale', () => {
    expect(roundBar(Number.NaN, 100)).toBeNull();
    expect(roundBar(1, 0)).toBeNull();
  });
});

it('sections beside an embedding are those of its coordinates', () => {
  const section = (name: string, library: string | null) => ({ name, dims: 2, library });
  const embeddings = [
    section('X_umap', null),
    section('spatial/a/b', 'a/b'),
    section('spatial/c', 'c'),
    section('spatial', null),
    section('X_spatial/a/b', 'a/b'),
    section('X_spatial/c', 'c'),
  ];
  const beside = (name: string | null) => sectionsBeside({ embeddings }, name).map((one) => one.name);
  expect(beside('X_spatial/c')).toEqual(['X_spatial/a/b', 'X_spatial/c']);
  for (const name of ['spatial', 'spatial/a/b', 'X_umap', null])
    expect(beside(name)).toEqual(['spatial/a/b', 'spatial/c']);
  expect(sectionsBeside({ embeddings: [section('X_umap', null)] }, 'X_umap')).toEqual([]);
});
