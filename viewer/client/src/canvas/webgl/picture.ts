/** The plot as a PNG: drawn in tiles into a framebuffer of its own, so no limit on the canvas' size applies. */
import { sleep } from '../../api/sleep';
import type { View } from '../camera';
import type { LayerStyle, Program } from './program';
import type { Target } from './shader';

const TILE = 2048;
/** Pixels that are read in one task. */
const AT_ONCE = 400_000;
/** Milliseconds between two questions whether the graphics are done. */
const WAIT = 4;

/** A part of a picture, whose pixels are in a buffer of the graphics. */
interface Tile {
  readonly buffer: WebGLBuffer | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Draw a picture and encode it. */
export async function picture(
  gl: WebGL2RenderingContext,
  program: Program,
  view: View,
  whole: Omit<Target, 'part'>,
  styles: readonly LayerStyle[],
): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = whole.width;
  canvas.height = whole.height;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The browser has no room for a picture of this size: choose a smaller one.');

  // Points whose centre lies outside the viewport are not drawn: each tile is drawn with a border and cut.
  const border = Math.ceil(Math.max(0, ...styles.map((style) => style.diameter)));
  const inner = Math.max(256, Math.min(TILE, gl.getParameter(gl.MAX_RENDERBUFFER_SIZE) as number) - 2 * border);
  const width = Math.min(inner, whole.width) + 2 * border;
  const height = Math.min(inner, whole.height) + 2 * border;
  const renderbuffer = gl.createRenderbuffer();
  const framebuffer = gl.createFramebuffer();
  gl.bindRenderbuffer(gl.RENDERBUFFER, renderbuffer);
  gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height);
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, renderbuffer);
  const tiles: Tile[] = [];
  try {
    // All tiles are drawn at once, so that they are of one moment; their pixels come when the graphics have them.
    for (let y = 0; y < whole.height; y += inner) {
      for (let x = 0; x < whole.width; x += inner) {
        program.draw(view, { ...whole, part: { x: x - border, y: y - border, width, height } }, styles);
        const cutWidth = Math.min(inner, whole.width - x);
        const cutHeight = Math.min(inner, whole.height - y);
        const buffer = askFor(gl, border, height - border - cutHeight, cutWidth, cutHeight);
        tiles.push({ buffer, x, y, width: cutWidth, height: cutHeight });
      }
    }
  } finally {
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteFramebuffer(framebuffer);
    gl.deleteRenderbuffer(renderbuffer);
  }
  await finished(gl);
  for (const tile of tiles) {
    const atOnce = Math.max(1, Math.floor(AT_ONCE / tile.width));
    for (let row = 0; row < tile.height; row += atOnce) {
      const rows = pixelsOf(gl, tile, row, Math.min(atOnce, tile.height - row));
      context.putImageData(rows, tile.x, tile.y + row);
      await sleep(0, null);
    }
    gl.deleteBuffer(tile.buffer);
  }
  if (gl.isContextLost()) throw new Error('The graphics were interrupted: try again.');
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) =>
        blob ? resolve(blob) : reject(new Error('The browser could not encode the picture: choose a smaller one.')),
      'image/png',
    );
  });
}

/** Ask for pixels of the framebuffer without waiting for them. */
function askFor(gl: WebGL2RenderingContext, x: number, y: number, width: number, height: number): WebGLBuffer | null {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, 4 * width * height, gl.STREAM_READ);
  gl.readPixels(x, y, width, height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  return buffer;
}

/** Wait until the graphics have done what they were asked for; the page answers meanwhile. */
async function finished(gl: WebGL2RenderingContext): Promise<void> {
  const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  while (fence && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await sleep(WAIT, null);
  gl.deleteSync(fence);
}

/** Pixels of some rows of a tile, counted from the top; the top row comes first, alpha is no longer multiplied in. */
function pixelsOf(gl: WebGL2RenderingContext, { buffer, width, height }: Tile, first: number, rows: number): ImageData {
  const raw = new Uint8Array(4 * width * rows);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 4 * width * (height - first - rows), raw);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  const image = new ImageData(width, rows);
  for (let row = 0; row < rows; row++) {
    let from = 4 * width * (rows - 1 - row);
    const end = 4 * width * (row + 1);
    for (let to = 4 * width * row; to < end; to += 4, from += 4) {
      const alpha = raw[from + 3] as number;
      const undo = alpha === 0 ? 0 : 255 / alpha;
      image.data[to] = (raw[from] as number) * undo;
      image.data[to + 1] = (raw[from + 1] as number) * undo;
      image.data[to + 2] = (raw[from + 2] as number) * undo;
      image.data[to + 3] = alpha;
    }
  }
  return image;
}
