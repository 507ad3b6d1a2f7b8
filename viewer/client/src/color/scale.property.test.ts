import fc from 'fast-check';
import { expect, test } from 'vitest';
import { categoryCodes, percentiles, quantise } from './codes';
import { COLORMAPS, sample } from './colormaps';
import { categoryLut, valueLut } from './lut';
import { distance, fromOklab, hexToRgb, rgbToHex, toOklab } from './oklab';
import { palette } from './palette';

const VALUES = fc.array(fc.double(), { minLength: 1, maxLength: 60 });
const COUNTS = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });
const FINITE = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 60 });
const CLIP = fc.tuple(fc.integer({ min: 0, max: 49 }), fc.integer({ min: 50, max: 100 }));
// from the least to the greatest, nothing is cut off
const CLIPPED = CLIP.filter(([low, high]) => low > 0 || high < 100);
const HEX = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);

test('a higher value never has a lower colour, and a value is missing where its colour is', () => {
  fc.assert(
    fc.property(fc.oneof(VALUES, FINITE, COUNTS), CLIP, fc.boolean(), fc.boolean(), (given, clip, zero, log) => {
      const values = Float64Array.from(given);
      // zeros have a colour of their own in expression, where nothing is negative
      const own = zero && given.every((value) => !(value < 0));
      const { codes, nMissing, extent } = quantise(values, { clip, zero: own, log });
      expect(nMissing).toBe(codes.filter((code) => code === 0).length);
      for (const [k, value] of values.entries()) expect(codes[k] === 0).toBe(Number.isNaN(value));
      const sorted = [...values.keys()]
        .filter((k) => !Number.isNaN(values[k]))
        .sort((a, b) => (values[a] as number) - (values[b] as number));
      const ordered = sorted.map((k) => codes[k] as number);
      expect(ordered).toEqual([...ordered].sort((a, b) => a - b));
      const finite = given.filter(Number.isFinite);
      expect(extent).toEqual(
        finite.length > 0 ? [Math.min(...finite) + 0, Math.max(...finite) + 0] : [Number.NaN, Number.NaN],
      );
    }),
    { numRuns: 500 },
  );
});

test('the ends of a scale are the ends of its values, and of its colours', () => {
  fc.assert(
    fc.property(FINITE, fc.boolean(), (given, log) => {
      const { codes, domain } = quantise(Float64Array.from(given), { log });
      const [low, high] = [Math.min(...given) + 0, Math.max(...given) + 0];
      expect(domain).toEqual([low, high]);
      // logarithms of neighbours may be one
      if (!(high - low > 1e-9 * Math.max(-low, high))) return;
      expect(codes[given.indexOf(low)]).toBe(1);
      expect(codes[given.indexOf(high)]).toBe(255);
    }),
  );
});

test('percentiles are values of the column, in order', () => {
  fc.assert(
    fc.property(FINITE, CLIPPED, (given, clip) => {
      const found = percentiles(Float64Array.from(given), { clip }) as readonly [number, number];
      expect(found[0]).toBeLessThanOrEqual(found[1]);
      for (const end of found) expect(given).toContain(end);
    }),
  );
});

test('categories keep their place, and what is none is missing', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.integer({ min: -3, max: 1200 }), { maxLength: 50 }),
      (size, codes) => {
        const wanted = codes.map((code) => (code >= 0 && code < size ? code + 1 : 0));
        expect([...categoryCodes(Int32Array.from(codes), size)]).toEqual(wanted);
      },
    ),
  );
});

test('a table has the colours given, hides the hidden and nothing else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(HEX, fc.string()), { maxLength: 30 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.nat({ max: 29 })),
      fc.constantFrom('light', 'dark'),
      (colors, size, hidden, theme) => {
        const { rgba } = categoryLut({ colors, size, theme, hidden: new Set(hidden) });
        expect(rgba).toHaveLength(4 * (size + 1));
        for (let k = 0; k < size; k++) {
          const given = colors[k];
          const [r, g, b, alpha] = rgba.subarray(4 * (k + 1), 4 * (k + 2));
          expect(alpha).toBe(hidden.includes(k) ? 0 : 255);
          if (given === undefined || !/^#[0-9a-f]{6}$/.test(given)) continue;
          // What would be lost on a dark ground is lighter.
          if (theme === 'light' || toOklab(hexToRgb(given))[0] >= 0.45)
            expect(rgbToHex([r, g, b] as [number, number, number])).toBe(given);
        }
      },
    ),
  );
});

test('a reversed table is the table backwards, whatever the colour map', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...COLORMAPS),
      fc.constantFrom('light', 'dark'),
      fc.boolean(),
      fc.integer({ min: 2, max: 300 }),
      (colormap, theme, zero, n) => {
        expect(sample(colormap, theme, n, true)).toEqual(sample(colormap, theme, n).reverse());
        const [plain, reverse] = [
          valueLut({ colormap, theme, zero }),
          valueLut({ colormap, theme, zero, reverse: true }),
        ];
        const first = zero ? 2 : 1;
        for (let code = first; code < 256; code++) {
          const other = 255 + first - code;
          expect([...plain.rgba.subarray(4 * code, 4 * code + 4)]).toEqual([
            ...reverse.rgba.subarray(4 * other, 4 * other + 4),
          ]);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('a colour goes to Oklab and back, and is as far from another as that is from it', () => {
  fc.assert(
    fc.property(HEX, HEX, (one, two) => {
      const [a, b] = [toOklab(hexToRgb(one)), toOklab(hexToRgb(two))];
      expect(rgbToHex(fromOklab(a))).toBe(one);
      expect(distance(a, b)).toBeCloseTo(distance(b, a), 12);
      expect(distance(a, b) > 0).toBe(one !== two);
    }),
  );
});

test('a palette of any size has colours, the first of them all different', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), (size) => {
      const colors = palette(size);
      expect(colors).toHaveLength(size);
      for (const color of colors) expect(color).toMatch(/^#[0-9a-f]{6}$/);
      expect(new Set(colors.slice(0, 20)).size).toBe(Math.min(20, size));
    }),
    { numRuns: 30 },
  );
});
