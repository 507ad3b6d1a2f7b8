/**
 * A palette for categories that stays distinguishable for people with colour-vision deficiency. It is a fallback: the
 * server sends a colour for each category.
 */
import { distance, gamma, hexToRgb, linear, linearToOklab, oklabToLinear, type Rgb, rgbToHex } from './oklab';

/** M. Okabe and K. Ito's set (2008) without black and without its yellow, which is lost on white. */
const OKABE_ITO = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7'];

/**
 * Full protanopia and deuteranopia on linear light: G. Machado, M. Oliveira and L. Fernandes, "A physiologically-based
 * model for simulation of color vision deficiency" (2009), severity 1.
 */
const PROTANOPIA = [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998];
const DEUTERANOPIA = [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881];

/** OKLab of a colour as seen with normal sight, protanopia and deuteranopia. */
type Seen = readonly [Rgb, Rgb, Rgb];

function transform(m: readonly number[], [r, g, b]: Rgb): Rgb {
  const row = (k: number) => (m[k] as number) * r + (m[k + 1] as number) * g + (m[k + 2] as number) * b;
  return [Math.max(0, row(0)), Math.max(0, row(3)), Math.max(0, row(6))];
}

function seen(light: Rgb): Seen {
  return [
    linearToOklab(light),
    linearToOklab(transform(PROTANOPIA, light)),
    linearToOklab(transform(DEUTERANOPIA, light)),
  ];
}

function toLight(hex: string): Rgb {
  const [r, g, b] = hexToRgb(hex);
  return [linear(r), linear(g), linear(b)];
}

/** The least distance of two colours over the three sights; deficient sight has fewer colours to spread, so its distances weigh more. */
function apart(a: Seen, b: Seen): number {
  return Math.min(distance(a[0], b[0]), 1.6 * distance(a[1], b[1]), 1.6 * distance(a[2], b[2]));
}

let candidates: { hex: string; seen: Seen }[] | null = null;

/** Colours of a lightness that shows on white and on near black, none of them grey. */
function makeCandidates(): { hex: string; seen: Seen }[] {
  const made: { hex: string; seen: Seen }[] = [];
  for (let lightness = 0.5; lightness < 0.84; lightness += 0.045) {
    for (const chroma of [0.06, 0.1, 0.14, 0.18, 0.22]) {
      for (let hue = 0; hue < 360; hue += 12) {
        const angle = (hue * Math.PI) / 180;
        const light = oklabToLinear([lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)]);
        if (light.some((channel) => channel < 0 || channel > 1)) continue;
        const rgb: Rgb = [gamma(light[0]), gamma(light[1]), gamma(light[2])];
        made.push({ hex: rgbToHex(rgb), seen: seen(light) });
      }
    }
  }
  return made;
}

const chosen: string[] = [...OKABE_ITO];
/** Distance of each candidate to the nearest colour chosen. */
let nearest: Float64Array | null = null;

/** At most so many colours differ; later categories repeat them. */
export const PALETTE_SIZE = 100;

/**
 * The first `size` colours of the palette. A palette of fewer colours begins a palette of more: each next colour is the
 * one farthest from all before, under normal sight, protanopia and deuteranopia.
 */
export function palette(size: number): string[] {
  const wanted = Math.min(size, PALETTE_SIZE);
  while (chosen.length < wanted) {
    candidates ??= makeCandidates();
    if (!nearest) {
      const start = chosen.map((hex) => seen(toLight(hex)));
      nearest = Float64Array.from(candidates, (c) => Math.min(...start.map((s) => apart(c.seen, s))));
    }
    let best = 0;
    for (let i = 1; i < nearest.length; i++) if ((nearest[i] as number) > (nearest[best] as number)) best = i;
    const next = candidates[best] as { hex: string; seen: Seen };
    chosen.push(next.hex);
    for (let i = 0; i < nearest.length; i++) {
      const d = apart((candidates[i] as { seen: Seen }).seen, next.seen);
      if (d < (nearest[i] as number)) nearest[i] = d;
    }
  }
  return Array.from({ length: size }, (_, k) => chosen[k % PALETTE_SIZE] as string);
}

/** How well two colours can be told apart by everybody: see `apart`. */
export function separation(a: string, b: string): number {
  return apart(seen(toLight(a)), seen(toLight(b)));
}
