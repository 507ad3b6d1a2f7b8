/** The shapes and styles of an SVG in the words of PDF. */
import { written } from './file';

/** The affine map x' = a x + c y + e, y' = b x + d y + f. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Numbers of an attribute. */
function numbersOf(text: string): number[] {
  return (text.match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/gi) ?? []).map(Number);
}

/** The maps of each function of an attribute `transform`, by its numbers. */
const MAPS: Readonly<Record<string, (...at: number[]) => Matrix[]>> = {
  translate: (x = 0, y = 0) => [[1, 0, 0, 1, x, y]],
  scale: (x = 1, y = x) => [[x, 0, 0, y, 0, 0]],
  matrix: (a = 1, b = 0, c = 0, d = 1, e = 0, f = 0) => [[a, b, c, d, e, f]],
  rotate: (degrees = 0, x = 0, y = 0) => {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return [
      [1, 0, 0, 1, x, y],
      [cos, sin, -sin, cos, 0, 0],
      [1, 0, 0, 1, -x, -y],
    ];
  },
};

/** The maps of an attribute `transform`, the outermost first. */
export function matricesOf(transform: string): Matrix[] {
  return [...transform.matchAll(/(\w+)\s*\(([^)]*)\)/g)].flatMap(
    ([, name = '', inner = '']) => MAPS[name]?.(...numbersOf(inner)) ?? [],
  );
}

export function applied(matrix: Matrix): string {
  // Small numbers of a rotation need more digits than places of a page do.
  return `${matrix.map((value) => Number(value.toFixed(6))).join(' ')} cm`;
}

/** Red, green, blue and opacity, each from 0 to 1; null for none. */
export type Paint = readonly [number, number, number, number] | null;

const NAMED: Readonly<Record<string, string>> = { black: '#000000', white: '#ffffff', transparent: '#00000000' };

/** Read a colour as style sheets compute it. */
export function paintOf(color: string): Paint {
  const text = NAMED[color] ?? color;
  if (text === 'none' || text === '') return null;
  if (text.startsWith('#')) {
    const short = text.length < 6;
    const digits = short ? [...text.slice(1)].map((digit) => digit + digit) : (text.slice(1).match(/../g) ?? []);
    const [red = 0, green = 0, blue = 0, alpha = 255] = digits.map((pair) => Number.parseInt(pair, 16));
    return visible(red / 255, green / 255, blue / 255, alpha / 255);
  }
  const [a = 0, b = 0, c = 0, alpha = 1] = numbersOf(text.replace(/^[a-z]+\((srgb)?/, ''));
  const share = /%\s*\)?$/.test(text) && text.includes('/') ? alpha / 100 : alpha;
  return text.startsWith('color(') ? visible(a, b, c, share) : visible(a / 255, b / 255, c / 255, share);
}

function visible(red: number, green: number, blue: number, alpha: number): Paint {
  return alpha > 0 ? [red, green, blue, alpha] : null;
}

/** The part of a circle's radius by which the handles of its four curves stand out. */
const ROUND = 0.5522848;

export function circlePath(x: number, y: number, r: number): string {
  const k = ROUND * r;
  const point = (...at: number[]) => at.map(written).join(' ');
  return [
    `${point(x + r, y)} m`,
    `${point(x + r, y + k, x + k, y + r, x, y + r)} c`,
    `${point(x - k, y + r, x - r, y + k, x - r, y)} c`,
    `${point(x - r, y - k, x - k, y - r, x, y - r)} c`,
    `${point(x + k, y - r, x + r, y - k, x + r, y)} c h`,
  ].join('\n');
}

export function polygonPath(points: string, closed: boolean): string {
  const at = numbersOf(points);
  const steps: string[] = [];
  for (let k = 0; k + 1 < at.length; k += 2) {
    steps.push(`${written(at[k] as number)} ${written(at[k + 1] as number)} ${k === 0 ? 'm' : 'l'}`);
  }
  if (closed && steps.length > 0) steps.push('h');
  return steps.join('\n');
}

/** How many numbers a command of a path takes. */
const TAKES: Readonly<Record<string, number>> = { m: 2, l: 2, h: 1, v: 1, c: 6, q: 4, z: 0 };

/** The attribute `d` of a path; arcs, which no plot has, are refused. */
export function svgPath(d: string): string {
  const steps: string[] = [];
  let [x, y, startX, startY] = [0, 0, 0, 0];
  const put = (letter: string, ...at: number[]) => steps.push(`${at.map(written).join(' ')} ${letter}`);
  for (const [, letter = '', inner = ''] of d.matchAll(/([a-zA-Z])([^a-zA-Z]*(?:e[-+]?\d[^a-zA-Z]*)*)/g)) {
    const lower = letter.toLowerCase();
    const takes = TAKES[lower];
    if (takes === undefined) throw new RangeError(`No such command of a path: ${letter}`);
    const isRelative = letter === lower;
    const values = numbersOf(inner);
    if (lower === 'z') {
      steps.push('h');
      [x, y] = [startX, startY];
      continue;
    }
    for (let from = 0; from + takes <= values.length; from += takes) {
      const given = values.slice(from, from + takes);
      if (lower === 'h') x = (isRelative ? x : 0) + (given[0] as number);
      else if (lower === 'v') y = (isRelative ? y : 0) + (given[0] as number);
      else {
        const at = given.map((value, k) => value + (isRelative ? (k % 2 ? y : x) : 0)) as [number, number, ...number[]];
        const [endX, endY] = at.slice(-2) as [number, number];
        if (lower === 'c') put('c', ...at);
        else if (lower === 'q') {
          const third = (start: number, handle: number) => start + (2 * (handle - start)) / 3;
          put('c', third(x, at[0]), third(y, at[1]), third(endX, at[0]), third(endY, at[1]), endX, endY);
        }
        [x, y] = [endX, endY];
      }
      if (lower === 'm' && from === 0) {
        [startX, startY] = [x, y];
        put('m', x, y);
      } else if (lower !== 'c' && lower !== 'q') put('l', x, y);
    }
  }
  return steps.join('\n');
}
