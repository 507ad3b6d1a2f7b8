import { describe, expect, it, test } from 'vitest';
import { FADED, HIGHLIGHTED, NORMAL } from '../canvas/paint';
import { fadedOn } from '../canvas/webgl/style';
import { categoryCodes, percentiles, quantise } from './codes';
import { COLORMAPS, gradient, sample } from './colormaps';
import { categoryLut, neutrals, plainLut, valueLut } from './lut';
import { distance, fromOklab, hexToRgb, type Rgb, rgbToHex, toOklab } from './oklab';
import { palette, separation } from './palette';

const pixel = (rgba: Uint8Array, code: number) => [...rgba.subarray(4 * code, 4 * code + 4)];

describe('oklab', () => {
  it('reads hex in every length and refuses the rest', () => {
    expect(hexToRgb('#fff')).toEqual([255, 255, 255]);
    expect(hexToRgb('#1f77b4')).toEqual([31, 119, 180]);
    expect(hexToRgb('#1F77B4ff')).toEqual([31, 119, 180]);
    for (const bad of ['red', '#12', '1f77b4', '#1f77bg', '']) expect(() => hexToRgb(bad)).toThrow(RangeError);
  });

  it('goes there and back', () => {
    for (const hex of ['#000000', '#ffffff', '#1f77b4', '#d62728', '#00ff00']) {
      expect(rgbToHex(fromOklab(toOklab(hexToRgb(hex))))).toBe(hex);
    }
  });
});

describe('colour maps', () => {
  it.each(COLORMAPS)('%s has small and even steps in both themes', (name) => {
    for (const theme of ['light', 'dark'] as const) {
      const colors = sample(name, theme, 254);
      const steps = colors.slice(1).map((rgb, i) => distance(toOklab(rgb), toOklab(colors[i] as typeof rgb)));
      expect(Math.max(...steps)).toBeLessThan(0.03);
      expect(sample(name, theme, 254, true)).toEqual([...colors].reverse());
      expect(gradient(name, theme)).toMatch(/^linear-gradient\(to right, #[0-9a-f]{6}, /);
    }
  });

  it.each(['blues', 'reds', 'magma', 'plasma', 'viridis', 'cividis'] as const)(
    'the high end of %s stands out from the background',
    (name) => {
      for (const theme of ['light', 'dark'] as const) {
        const high = sample(name, theme, 2)[1] as [number, number, number];
        expect(distance(toOklab(high), toOklab(hexToRgb(neutrals(theme).background)))).toBeGreaterThan(0.15);
      }
    },
  );
});

describe('a logarithmic scale', () => {
  it('has equal steps for equal ratios, and leaves values below 0 as they are', () => {
    const { codes } = quantise(Float64Array.of(1, 10, 100, 1000), { log: true });
    expect([...codes]).toEqual([1, 86, 170, 255]);
    const counts = quantise(Float64Array.of(0, 9, 99), { log: true }).codes;
    expect([...counts]).toEqual([1, 128, 255]);
    const signed = Float64Array.of(-1, 0, 9);
    expect(quantise(signed, { log: true }).codes).toEqual(quantise(signed).codes);
  });

  it('is clipped at percentiles', () => {
    const values = Float64Array.from({ length: 101 }, (_, k) => k);
    expect(percentiles(values, { clip: [5, 90] })).toEqual([5, 90]);
    expect(percentiles(values, { clip: [0, 100] })).toBeNull();
    expect(percentiles(Float64Array.of(Number.NaN), { clip: [5, 90] })).toBeNull();
  });
});

describe('palette', () => {
  it('keeps colours apart for everybody, and a small palette begins a large one', () => {
    const twenty = palette(20);
    expect(new Set(twenty).size).toBe(20);
    expect(palette(40).slice(0, 20)).toEqual(twenty);
    let least = 1;
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < i; j++) least = Math.min(least, separation(twenty[i] as string, twenty[j] as string));
    }
    expect(least).toBeGreaterThan(0.07);
  });

  it('serves any number of categories', () => {
    expect(palette(0)).toEqual([]);
    expect(palette(1000)).toHaveLength(1000);
    expect(new Set(palette(100)).size).toBe(100);
  });
});

describe('categoryLut', () => {
  const colors = ['#ff0000', '#00ff00', '#0000ff'];

  it('puts the missing ones first and keeps the colours given', () => {
    const { rgba, levels } = categoryLut({ colors, size: 3, theme: 'light' });
    expect(pixel(rgba, 0)).toEqual([...hexToRgb(neutrals('light').missing), 255]);
    expect(pixel(rgba, 2)).toEqual([0, 255, 0, 255]);
    expect([...(levels ?? [])]).toEqual([FADED, NORMAL, NORMAL, NORMAL]);
  });

  it('hides and highlights', () => {
    const { rgba, levels } = categoryLut({
      colors,
      size: 3,
      theme: 'dark',
      hidden: new Set([0]),
      highlighted: new Set([2]),
      missing: false,
    });
    expect(pixel(rgba, 0)[3]).toBe(0);
    expect(pixel(rgba, 1)[3]).toBe(0);
    expect(pixel(rgba, 2)).toEqual([...hexToRgb(neutrals('dark').faded), 255]);
    expect(pixel(rgba, 3)).toEqual([0, 0, 255, 255]);
    expect([...(levels ?? [])]).toEqual([FADED, FADED, FADED, HIGHLIGHTED]);
  });

  it('fills colours that are absent or bad', () => {
    const { rgba } = categoryLut({ colors: ['red', '#00ff00'], size: 3, theme: 'light' });
    const [first, , third] = palette(3) as [string, string, string];
    expect(pixel(rgba, 1).slice(0, 3)).toEqual(hexToRgb(first));
    expect(pixel(rgba, 2)).toEqual([0, 255, 0, 255]);
    expect(pixel(rgba, 3).slice(0, 3)).toEqual(hexToRgb(third));
  });
});

describe('valueLut', () => {
  it('gives zeros a grey of their own where asked', () => {
    const plain = valueLut({ colormap: 'viridis', theme: 'light' });
    const zero = valueLut({ colormap: 'viridis', theme: 'light', zero: true });
    expect(plain.rgba).toHaveLength(1024);
    expect(rgbToHex(pixel(plain.rgba, 1).slice(0, 3) as [number, number, number])).toBe('#440154');
    expect(pixel(zero.rgba, 1).slice(0, 3)).toEqual(hexToRgb(neutrals('light').zero));
    expect(pixel(zero.rgba, 255)).toEqual(pixel(plain.rgba, 255));
    expect(plainLut('dark').rgba).toHaveLength(4);
  });

  it('has zeros that differ from cells that are not selected', () => {
    for (const theme of ['light', 'dark'] as const) {
      const { zero, background, faded } = neutrals(theme);
      for (const other of [fadedOn(hexToRgb(background)), hexToRgb(faded)]) {
        expect(distance(toOklab(hexToRgb(zero)), toOklab(other))).toBeGreaterThan(0.1);
      }
    }
  });
});

describe('categoryCodes', () => {
  it('moves codes by one, missing and foreign ones to 0', () => {
    expect(categoryCodes(Int8Array.of(-1, 0, 2, 3), 3)).toEqual(Uint8Array.of(0, 1, 3, 0));
    expect(categoryCodes(Float32Array.of(Number.NaN, 1), 3)).toEqual(Uint8Array.of(0, 2));
    expect(categoryCodes(Int16Array.of(0, 254), 255)).toEqual(Uint8Array.of(1, 255));
    expect(categoryCodes(Int16Array.of(0, 255), 256)).toEqual(Uint16Array.of(1, 256));
    expect(() => categoryCodes(Int32Array.of(0), 70000)).toThrow(/65,535/);
  });
});

describe('quantise', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

  it('spreads values over 1 to 255', () => {
    const { codes, domain, extent, nMissing } = quantise(Float32Array.of(10, 20, nan, 15, inf, -inf));
    expect([...codes]).toEqual([1, 255, 0, 128, 255, 1]);
    expect(domain).toEqual([10, 20]);
    expect(extent).toEqual([10, 20]);
    expect(nMissing).toBe(1);
  });

  it('keeps zeros apart and begins an expression scale at zero', () => {
    const { codes, domain, nZero } = quantise(Float32Array.of(0, 1, 4, 0, 2), { zero: true });
    expect([...codes]).toEqual([1, 65, 255, 1, 129]);
    expect(domain).toEqual([0, 4]);
    expect(nZero).toBe(2);
  });

  it('clips by percentiles, so that one outlier does not flatten the picture', () => {
    const values = Float64Array.from({ length: 1000 }, (_, i) => i);
    values[999] = 1e9;
    const { codes, domain, extent } = quantise(values, { clip: [1, 99] });
    expect(domain).toEqual([10, 989]);
    expect(extent).toEqual([0, 1e9]);
    expect(codes[999]).toBe(255);
    expect(codes[500]).toBeGreaterThan(120);
  });

  it('takes the mask of missing values and a given domain', () => {
    const { codes, nMissing } = quantise(Int32Array.of(0, 5, 50), { missing: Uint8Array.of(1, 0, 0), domain: [0, 10] });
    expect([...codes]).toEqual([0, 128, 255]);
    expect(nMissing).toBe(1);
  });

  it('does not stumble over columns that say little', () => {
    expect([...quantise(new Float32Array(0)).codes]).toEqual([]);
    expect([...quantise(Float32Array.of(nan, nan)).codes]).toEqual([0, 0]);
    expect(quantise(Float32Array.of(nan)).domain).toEqual([nan, nan]);
    expect([...quantise(Float32Array.of(3, 3)).codes]).toEqual([128, 128]);
    expect([...quantise(Float32Array.of(0, 0), { zero: true }).codes]).toEqual([1, 1]);
    expect([...quantise(Float32Array.of(0, 2, 2), { zero: true }).codes]).toEqual([1, 255, 255]);
  });
});

test('on a dark ground categories are lighter, and none becomes like another', () => {
  const colors = ['#000000', '#1f3a93', '#0a0a2a', ...palette(20)];
  const of = (theme: 'light' | 'dark') => categoryLut({ colors, size: colors.length, theme }).rgba;
  const lightness = (rgba: Uint8Array, k: number) => toOklab([...pixel(rgba, k + 1)].slice(0, 3) as unknown as Rgb)[0];
  for (const k of colors.keys()) {
    expect(pixel(of('light'), k + 1).slice(0, 3)).toEqual([...hexToRgb(colors[k] as string)]);
    expect(lightness(of('dark'), k)).toBeGreaterThan(0.35);
  }
  // Colours of the palette are those of a dark page; those that were given stay where they can be seen.
  const [own] = pixel(categoryLut({ colors: null, size: 1, theme: 'dark' }).rgba, 1);
  expect(own).toBeGreaterThan(hexToRgb(palette(1)[0] as string)[0]);
  expect(pixel(of('dark'), 4).slice(0, 3)).toEqual([...hexToRgb(palette(1)[0] as string)]);
  const seen = new Set(colors.map((_, k) => [...pixel(of('dark'), k + 1)].join(' ')));
  expect(seen.size).toBe(colors.length);
});

test('zeros are darker while only some cells are selected', () => {
  const of = (selecting: boolean) => valueLut({ colormap: 'viridis', theme: 'light', zero: true, selecting }).rgba;
  expect(pixel(of(true), 1)).toEqual([...hexToRgb(neutrals('light').selectedZero), 255]);
  expect(pixel(of(true), 2)).toEqual(pixel(of(false), 2));
});
