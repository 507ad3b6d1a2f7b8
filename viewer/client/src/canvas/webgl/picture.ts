/** The plot as a PNG: drawn in tiles into a framebuffer of its own, so no limit on the canvas' size applies. */
import type { View } from '../camera';
import type { LayerStyle, Program } from './program';
import type { Target } from './shader';

const TILE = 2048;

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
  try {
    for (let y = 0; y < whole.height; y += inner) {
      for (let x = 0; x < whole.width; x += inner) {
        program.draw(view, { ...whole, part: { x: x - border, y: y - border, width, height } }, styles);
        const cutWidth = Math.min(inner, whole.width - x);
        const cutHeight = Math.min(inner, whole.height - y);
        context.putImageData(read(gl, border, height - border - cutHeight, cutWidth, cutHeight), x, y);
      }
    }
  } finally {
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteFramebuffer(framebuffer);
    gl.deleteRenderbuffer(renderbuffer);
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

/** Pixels of the framebuffer, top row first, alpha no longer multiplied in. */
function read(gl: WebGL2RenderingContext, x: number, y: number, width: number, height: number): ImageData {
  const raw = new Uint8Array(4 * width * height);
  gl.readPixels(x, y, width, height, gl.RGBA, gl.UNSIGNED_BYTE, raw);
  const image = new ImageData(width, height);
  for (let row = 0; row < height; row++) {
    let from = 4 * width * (height - 1 - row);
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
