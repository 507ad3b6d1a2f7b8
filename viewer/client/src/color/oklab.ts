/** Colours as hex, as sRGB bytes and in OKLab (B. Ottosson, 2020), where equal steps look equal. */

/** Three channels: sRGB bytes, or L, a and b. */
export type Rgb = readonly [number, number, number];

/**
 * sRGB bytes of `#rgb` or `#rrggbb` (an alpha behind it is ignored).
 *
 * @throws RangeError for anything else
 */
export function hexToRgb(hex: string): Rgb {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])[0-9a-f]?$/i.exec(hex);
  const digits = short ? short.slice(1, 4).map((digit) => digit + digit) : null;
  const long = digits ?? /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})(?:[0-9a-f]{2})?$/i.exec(hex)?.slice(1, 4);
  if (!long) throw new RangeError(`"${hex}" is not a hexadecimal colour`);
  return long.map((channel) => Number.parseInt(channel, 16)) as unknown as Rgb;
}

export function rgbToHex(rgb: Rgb): string {
  return `#${rgb.map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`;
}

/** A byte of sRGB as linear light. */
export function linear(byte: number): number {
  const c = byte / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** Linear light as a byte of sRGB, clipped to the gamut. */
export function gamma(light: number): number {
  const c = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.round(Math.min(1, Math.max(0, c)) * 255);
}

/** OKLab of linear light. */
export function linearToOklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Linear light of OKLab; may lie outside the gamut. */
export function oklabToLinear([lightness, a, b]: Rgb): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

export function toOklab([r, g, b]: Rgb): Rgb {
  return linearToOklab([linear(r), linear(g), linear(b)]);
}

export function fromOklab(lab: Rgb): Rgb {
  const [r, g, b] = oklabToLinear(lab);
  return [gamma(r), gamma(g), gamma(b)];
}

/** Distance of two OKLab colours; about 0.02 is just seen between points apart, 0.1 is plain. */
export function distance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
