import { describe, expect, it } from 'vitest';
import { between, boundsOf, confined, fitView, panned, project, unproject, zoomed } from './camera';
import { buildGrid } from './grid';
import { anchorSteps } from './labels';
import { lassoCells } from './lasso';
import { FADED, HIGHLIGHTED, NORMAL } from './paint';
import { type Label, placeLabels } from './placeLabels';
import { whole } from './steps';
import { drawOrder, shuffled, thinned } from './webgl/order';
import { diameterOf, fadedOn, layerStyles, opacityOf } from './webgl/style';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const size = { width: 1000, height: 800 };

function anchors(
  x: Float32Array,
  y: Float32Array,
  codes: ArrayLike<number>,
  n: number,
  mask: Uint8Array | null = null,
) {
  return whole(anchorSteps(x, y, codes, n, mask));
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('camera', () => {
  const box = { x0: -10, y0: 0, x1: 10, y1: 8 };

  it('fits the box of the finite points with one scale for both axes', () => {
    const x = Float32Array.of(-10, nan, 10, 0, 5);
    const y = Float32Array.of(0, 99, 8, inf, 5);
    expect(boundsOf(x, y)).toEqual(box);
    expect(boundsOf(x, y, [4])).toEqual({ x0: 5, y0: 5, x1: 5, y1: 5 });
    expect(boundsOf(x, y, [1, 3])).toBeNull();
    const view = fitView(box, size, 50);
    expect(view).toEqual({ x: 0, y: 4, scale: 45 });
    expect(project(view, size, 0, 4)).toEqual([500, 400]);
    expect(project(view, size, 10, 8)).toEqual([950, 220]);
  });

  it('fits a single point, equal points and nothing', () => {
    for (const at of [0, 1e-30, -5e6]) {
      const view = fitView({ x0: at, y0: at, x1: at, y1: at }, size, 20);
      expect(Number.isFinite(view.scale) && view.scale > 0).toBe(true);
    }
    expect(fitView({ x0: 0, y0: 0, x1: 0, y1: 8 }, size, 0).scale).toBe(100);
    expect(fitView(null, size, 20)).toEqual({ x: 0, y: 0, scale: 1 });
    expect(fitView(box, { width: 0, height: 0 }, 20).scale).toBeGreaterThan(0);
  });

  it('unprojects what it projects, pans by pixels and zooms about a pixel', () => {
    const view = { x: 3, y: -2, scale: 17 };
    const [px, py] = project(view, size, 1.25, 7.5);
    expect(unproject(view, size, px, py)).toEqual([expect.closeTo(1.25), expect.closeTo(7.5)]);
    expect(project(panned(view, 30, -12), size, 1.25, 7.5)).toEqual([expect.closeTo(px + 30), expect.closeTo(py - 12)]);
    expect(project(zoomed(view, size, 3, px, py), size, 1.25, 7.5)).toEqual([expect.closeTo(px), expect.closeTo(py)]);
  });

  it('keeps the cells in reach', () => {
    const fitted = fitView(box, size, 50);
    expect(confined({ x: 1e9, y: 4, scale: 45 }, box, fitted, size).x).toBeLessThan(25);
    expect(confined({ ...fitted, scale: 1e9 }, box, fitted, size).scale).toBe(fitted.scale * 500);
    expect(confined({ ...fitted, scale: 0 }, box, fitted, size).scale).toBe(fitted.scale / 4);
    expect(confined({ x: nan, y: 0, scale: 1 }, box, fitted, size)).toEqual(fitted);
  });

  it('leaves a point that is fixed in two views fixed between them', () => {
    const a = { x: 3, y: -2, scale: 17 };
    const b = zoomed(a, size, 8, 100, 700);
    const [x, y] = unproject(a, size, 100, 700);
    for (const t of [0, 0.3, 0.5, 0.9, 1]) {
      expect(project(between(a, b, t), size, x, y)).toEqual([expect.closeTo(100), expect.closeTo(700)]);
    }
    expect(between(a, { ...a, x: 5 }, 0.5)).toEqual({ x: 4, y: -2, scale: 17 });
  });
});

describe('grid', () => {
  it('finds the nearest cell as a search through all does', () => {
    const random = randomNumbers(3);
    const n = 3000;
    const x = Float32Array.from({ length: n }, () => random() ** 3 * 40 - 7);
    const y = Float32Array.from({ length: n }, () => random() ** 2 * 10);
    x[5] = nan;
    y[6] = inf;
    const grid = buildGrid(x, y);
    for (let round = 0; round < 300; round++) {
      const [qx, qy, reach] = [random() * 50 - 12, random() * 12 - 1, random() * 2];
      const accept = (cell: number) => cell % 3 !== 0;
      let least = reach * reach;
      let best = -1;
      for (let i = 0; i < n; i++) {
        const distance = ((x[i] as number) - qx) ** 2 + ((y[i] as number) - qy) ** 2;
        if (accept(i) && distance <= least) {
          least = distance;
          best = i;
        }
      }
      const found = grid.nearest(qx, qy, reach, accept);
      if (found !== best) {
        expect(((x[found] as number) - qx) ** 2 + ((y[found] as number) - qy) ** 2).toBeCloseTo(least, 10);
      }
    }
  });

  it('works on one point, equal points and none', () => {
    const all = () => true;
    expect(buildGrid(Float32Array.of(2), Float32Array.of(3)).nearest(2, 3, 0.1, all)).toBe(0);
    expect(buildGrid(Float32Array.of(2), Float32Array.of(3)).nearest(9, 3, 0.1, all)).toBe(-1);
    expect(buildGrid(new Float32Array(9), new Float32Array(9)).nearest(0, 0, 1, (i) => i === 4)).toBe(4);
    expect(buildGrid(Float32Array.of(nan), Float32Array.of(1)).nearest(0, 0, 9, all)).toBe(-1);
  });
});

describe('lasso', () => {
  /** Winding number by the sum of angles. */
  function within(polygon: number[], px: number, py: number): boolean {
    let sum = 0;
    for (let k = 0; k < polygon.length; k += 2) {
      const l = (k + 2) % polygon.length;
      const ax = (polygon[k] as number) - px;
      const ay = (polygon[k + 1] as number) - py;
      const bx = (polygon[l] as number) - px;
      const by = (polygon[l + 1] as number) - py;
      sum += Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
    }
    return Math.abs(sum) > 1;
  }

  it('agrees with the winding number on any polygon', () => {
    const random = randomNumbers(5);
    const n = 4000;
    const x = Float32Array.from({ length: n }, () => random() * 10 - 5);
    const y = Float32Array.from({ length: n }, () => random() * 4);
    for (let round = 0; round < 40; round++) {
      const corners = 3 + Math.floor(random() * 30);
      const polygon = Array.from({ length: 2 * corners }, (_, k) => (k % 2 ? random() * 5 - 0.5 : random() * 12 - 6));
      const expected: number[] = [];
      for (let i = 0; i < n; i++) if (within(polygon, x[i] as number, y[i] as number)) expected.push(i);
      expect([...lassoCells(x, y, polygon)]).toEqual(expected);
    }
  });

  it('takes what a figure of eight shows as filled, and the condition', () => {
    const x = Float32Array.of(-1, 1, 0, nan);
    const y = Float32Array.of(0, 0, 0.9, 0);
    const eight = [-2, -1, 2, 1, 2, -1, -2, 1];
    expect([...lassoCells(x, y, eight)]).toEqual([0, 1]);
    expect([...lassoCells(x, y, eight, (cell) => cell !== 0)]).toEqual([1]);
  });

  it('finds nothing in a line or a point', () => {
    const x = Float32Array.of(0, 1);
    expect(lassoCells(x, x, [])).toHaveLength(0);
    expect(lassoCells(x, x, [0, 0, 1, 1])).toHaveLength(0);
    expect(lassoCells(x, x, [0, 0, 1, 0, 2, 0])).toHaveLength(0);
    expect(lassoCells(x, x, [0, 0, 1, 1, 2, 2])).toHaveLength(0);
  });
});

describe('labels', () => {
  it('anchors a split category on its larger island and skips what is not drawn', () => {
    const random = randomNumbers(9);
    const n = 1000;
    const codes = Int8Array.from({ length: n }, (_, i) => (i < 700 ? 0 : i < 990 ? 1 : -1));
    // Category 0: 450 cells about (0, 0), 250 about (100, 0); its mean would lie in the void between them.
    const x = Float32Array.from({ length: n }, (_, i) => (i < 450 ? 0 : i < 700 ? 100 : 50) + random() * 10);
    const y = Float32Array.from({ length: n }, (_, i) => (i < 700 ? 0 : 60) + random() * 10);
    x.fill(nan, 700, 703);
    const found = anchors(x, y, codes, 3);
    expect(found.map((anchor) => [anchor.code, anchor.n])).toEqual([
      [0, 700],
      [1, 287],
    ]);
    expect(found[0]?.x).toBeGreaterThan(2);
    expect(found[0]?.x).toBeLessThan(8);
    expect(found[1]?.x).toBeCloseTo(55, -1);
    expect(found[1]?.y).toBeCloseTo(65, -1);
    expect(anchors(Float32Array.of(nan), Float32Array.of(0), [0], 1)).toEqual([]);
  });

  it('anchors a category where the cells are that a mask leaves it', () => {
    const n = 250_001;
    const at = (k: number) => Float32Array.from({ length: n }, (_, cell) => (cell * k) % 97);
    const [x, y] = [at(31), at(57)];
    const codes = Int8Array.from({ length: n }, (_, cell) => cell % 3);
    const mask = Uint8Array.from({ length: n }, (_, cell) => Number((x[cell] as number) < 40 && cell % 3 !== 1));
    const left = codes.map((code, cell) => (mask[cell] ? code : -1));
    expect(anchors(x, y, codes, 3, mask)).toEqual(anchors(x, y, left, 3));
    expect(anchors(x, y, codes, 3, mask).map(({ code }) => code)).toEqual([0, 2]);
  });

  it('places labels apart, the heaviest on its anchor, all within the picture', () => {
    const random = randomNumbers(2);
    const labels: Label[] = Array.from({ length: 40 }, (_, code) => ({
      code,
      x: 300 + random() * 300,
      y: 300 + random() * 200,
      width: 40 + random() * 80,
      height: 16,
      weight: random(),
    }));
    const placed = placeLabels(labels, 1000, 800);
    expect(placed.length).toBeGreaterThan(25);
    const byCode = new Map(labels.map((label) => [label.code, label]));
    for (const [k, a] of placed.entries()) {
      const la = byCode.get(a.code) as Label;
      expect(a.x - la.width / 2).toBeGreaterThanOrEqual(0);
      for (const b of placed.slice(0, k)) {
        const lb = byCode.get(b.code) as Label;
        const apart =
          Math.abs(a.x - b.x) >= (la.width + lb.width) / 2 || Math.abs(a.y - b.y) >= (la.height + lb.height) / 2;
        expect(apart).toBe(true);
      }
    }
    const heaviest = labels.reduce((a, b) => (a.weight > b.weight ? a : b));
    expect(placed[0]).toMatchObject({ code: heaviest.code, x: heaviest.x, y: heaviest.y, moved: false });
    expect(placeLabels([{ ...heaviest, x: -5 }], 1000, 800)).toEqual([]);
    expect(placeLabels([{ ...heaviest, width: 5000 }], 1000, 800)).toEqual([]);
  });
});

describe('drawOrder', () => {
  it('of but some cells has the first of the permutation, in the same layers', () => {
    const n = 500;
    const at = Float32Array.from({ length: n }, (_, k) => k);
    const codes = Uint8Array.from({ length: n }, (_, k) => k % 5);
    const mask = Uint8Array.from({ length: n }, (_, k) => (k % 3 ? 1 : 0));
    const drawn = { x: at, y: at, codes, lut: { rgba: new Uint8Array(20).fill(255), levels: null }, mask };
    const shuffle = shuffled(n);
    for (const order of ['value', 'shuffled'] as const) {
      const { cells, starts } = drawOrder(drawn, order, shuffle, 60);
      expect([...cells].sort()).toEqual([...shuffle.subarray(0, 60)].sort());
      const faded = cells.subarray(starts[0], starts[1]);
      expect([...faded].every((cell) => mask[cell] === 0)).toBe(true);
      const normal = [...cells.subarray(starts[2], starts[3])];
      expect(normal.every((cell) => mask[cell] === 1)).toBe(true);
      const ranks = normal.map((cell) => codes[cell] as number);
      if (order === 'value') expect(ranks).toEqual([...ranks].sort());
    }
  });

  const at = (n: number) => Float32Array.from({ length: n }, (_, i) => i);
  const rgba = (n: number) => new Uint8Array(4 * n).fill(255);

  it('puts high values on top and leaves out what is not drawn', () => {
    const x = at(6);
    x[4] = nan;
    const lut = { rgba: rgba(256), levels: null };
    lut.rgba[4 * 9 + 3] = 0;
    const drawn = { x, y: at(6), codes: Uint8Array.of(200, 0, 9, 255, 1, 1), lut, mask: null };
    const { cells, starts } = drawOrder(drawn, 'value', null);
    expect([...cells]).toEqual([1, 5, 0, 3]);
    expect([...starts]).toEqual([0, 0, 0, 4, 4]);
  });

  it('makes layers of the mask and of the levels of the table', () => {
    const lut = { rgba: rgba(3), levels: Uint8Array.of(FADED, NORMAL, HIGHLIGHTED) };
    const codes = Uint16Array.of(2, 0, 1, 1, 1, 2, 0);
    const mask = Uint8Array.of(NORMAL, NORMAL, FADED, HIGHLIGHTED, NORMAL, FADED, HIGHLIGHTED);
    const { cells, starts } = drawOrder({ x: at(7), y: at(7), codes, lut, mask }, 'value', null);
    expect([...cells]).toEqual([2, 5, 1, 4, 6, 3, 0]);
    expect([...starts]).toEqual([0, 2, 3, 4, 7]);
  });

  it('mixes categories by a permutation that is the same each time', () => {
    const shuffle = shuffled(1000);
    expect([...shuffle].sort((a, b) => a - b)).toEqual([...at(1000)]);
    expect(shuffle).toEqual(shuffled(1000));
    const lut = { rgba: rgba(1), levels: null };
    const { cells } = drawOrder({ x: at(1000), y: at(1000), codes: null, lut, mask: null }, 'shuffled', shuffle);
    expect([...cells]).toEqual([...shuffle]);
  });

  it('thins every layer alike', () => {
    const cells = Uint32Array.from({ length: 20 }, (_, i) => i);
    const order = { cells, starts: Uint32Array.of(0, 9, 9, 17, 20) };
    const thin = thinned(order, 5);
    expect([...thin.cells]).toEqual([0, 4, 8, 9, 13, 17]);
    expect([...thin.starts]).toEqual([0, 3, 3, 5, 6]);
    expect(thinned(order, 20)).toEqual(order);
  });

  it('draws no code the table does not have', () => {
    const lut = { rgba: rgba(2), levels: null };
    const drawn = { x: at(3), y: at(3), codes: Uint8Array.of(0, 1, 2), lut, mask: null };
    expect([...drawOrder(drawn, 'shuffled', shuffled(3)).cells].sort()).toEqual([0, 1]);
  });
});

describe('style', () => {
  it('shrinks with the number of cells and grows with the zoom, within bounds', () => {
    const numbers = [1, 700, 20_000, 1_000_000, 5_000_000];
    const diameters = numbers.map((n) => diameterOf(n, size, 1, 1));
    expect(diameters).toEqual([...diameters].sort((a, b) => b - a));
    expect(diameters[0]).toBeLessThan(10);
    expect(diameters.at(-1)).toBeGreaterThan(1);
    expect(diameterOf(20_000, size, 4, 1)).toBeCloseTo(2 * diameterOf(20_000, size, 1, 1));
    expect(diameterOf(20_000, size, 1e6, 1)).toBeLessThan(30);
    for (const n of numbers) expect(opacityOf(n, 1)).toBeLessThanOrEqual(1);
    expect(opacityOf(1e6, 1)).toBeLessThan(opacityOf(1e6, 50));
  });

  it('draws four layers, faded ones in a colour near the background', () => {
    const styles = layerStyles(6, 0.9, 2, [10, 20, 30]);
    expect(styles).toHaveLength(4);
    expect(styles[0]?.color).toEqual([10, 20, 30]);
    expect(styles[2]).toMatchObject({ diameter: 12, opacity: 0.9, color: null });
    expect((styles[3]?.diameter as number) > 12).toBe(true);
    expect(fadedOn([255, 255, 255])[0]).toBeLessThan(240);
    expect(fadedOn([17, 18, 20])[0]).toBeGreaterThan(30);
  });
});
