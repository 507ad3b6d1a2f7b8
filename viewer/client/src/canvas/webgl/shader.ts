/** What all that is drawn by WebGL needs: a program, and where in a picture it draws. */
import type { Rgb } from '../paint';

/** The part of a picture to draw: pixels of the target from the top left corner of the whole picture. */
export interface Target {
  /** The whole picture. */
  readonly width: number;
  readonly height: number;
  /** Pixels of the target per CSS pixel. */
  readonly ratio: number;
  /** The part, which fills the framebuffer. */
  readonly part: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** null is transparent. */
  readonly background: Rgb | null;
}

/** Build a program; its attributes are numbered in their order. */
export function link(
  gl: WebGL2RenderingContext,
  vertex: string,
  fragment: string,
  attributes: readonly string[],
): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind);
    // null where the context is lost: then the link below fails without a log, and restoring builds anew.
    if (!shader) continue;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  attributes.forEach((name, k) => {
    gl.bindAttribLocation(program, k, name);
  });
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`The scatter plot's shaders do not link: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
