/** The scatter plot and the crossfilter without the rest of the page, within reach of test_scatter.py. */
import { attachGestures } from '../../../viewer/client/src/canvas/gestures';
import { createScatter } from '../../../viewer/client/src/canvas/webgl/renderer';
import { createCrossfilter } from '../../../viewer/client/src/crossfilter/client';

const canvas = document.querySelector('canvas') as HTMLCanvasElement;

/** The canvas' pixels, four bytes each, drawn anew. */
function pixels(scatter: ReturnType<typeof createScatter>): Uint8ClampedArray {
  scatter.flush();
  const copy = document.createElement('canvas');
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext('2d') as CanvasRenderingContext2D;
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data;
}

const scatter = createScatter(canvas);

Object.assign(window, {
  scatter,
  attachGestures,
  createCrossfilter,
  /** Colour at a CSS pixel, as [red, green, blue]. */
  colorAt(px: number, py: number): number[] {
    const at = 4 * (Math.floor(py) * canvas.width + Math.floor(px));
    return [...pixels(scatter).subarray(at, at + 3)];
  },
  /** Number of pixels that are not white. */
  drawn(): number {
    const data = pixels(scatter);
    let count = 0;
    for (let k = 0; k < data.length; k += 4) if (data[k] !== 255 || data[k + 1] !== 255 || data[k + 2] !== 255) count++;
    return count;
  },
  /** A table of plain colours, by name of the channel that is full. */
  table(colors: string, levels: number[] | null = null) {
    const of = { r: [255, 0, 0, 255], g: [0, 160, 0, 255], b: [0, 0, 255, 255], '-': [0, 0, 0, 0] };
    const rgba = Uint8Array.from([...colors].flatMap((color) => of[color as keyof typeof of]));
    return { rgba, levels: levels && Uint8Array.from(levels) };
  },
  /** Points of a lattice that fills the canvas, `side` by `side`. */
  lattice(side: number): [Float32Array, Float32Array] {
    const x = Float32Array.from({ length: side * side }, (_, k) => k % side);
    const y = Float32Array.from({ length: side * side }, (_, k) => Math.floor(k / side));
    return [x, y];
  },
});
