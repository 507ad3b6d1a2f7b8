/** A picture under the cells, such as the tissue they lie in. */
import type { Box, View } from '../camera';
import { link, type Target } from './shader';

const VERTEX = `#version 300 es
precision highp float;
in vec2 corner;
uniform vec2 scale;
uniform vec2 offset;
out vec2 at;
void main() {
	at = vec2(corner.x, 1.0 - corner.y);
	gl_Position = vec4(corner * scale + offset, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 at;
uniform sampler2D picture;
uniform mat2 turn;
uniform float opacity;
uniform float brightness;
out vec4 pixel;
void main() {
	vec4 found = texture(picture, turn * (at - 0.5) + 0.5);
	float alpha = found.a * opacity;
	pixel = vec4(min(found.rgb * brightness, 1.0) * alpha, alpha);
}`;

/** A picture and the data units it spans. */
export interface BackdropImage {
  readonly source: ImageBitmap;
  readonly box: Box;
  /** How it is turned: x' = a x + b y, y' = c x + d y, with y up; by default its upper edge is at y1. */
  readonly turn?: readonly [a: number, b: number, c: number, d: number];
}

export interface BackdropStyle {
  /** From 0 to 1. */
  readonly opacity: number;
  /** The factor of its colours. */
  readonly brightness: number;
}

const UPRIGHT = Float32Array.of(1, 0, 0, 1);

/** The matrix from the place on the plot to the place in the picture, by columns; pictures have y down. */
function textureTurn([a, b, c, d]: NonNullable<BackdropImage['turn']>): Float32Array {
  // The inverse of a turn is its transpose; a change of the sign of y on both sides changes that of b and c.
  return Float32Array.of(a, -b, -c, d);
}

export class Backdrop {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #vertices: WebGLVertexArrayObject;
  readonly #corners: WebGLBuffer;
  readonly #texture: WebGLTexture;
  #box: Box | null = null;
  #turn: Float32Array = UPRIGHT;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.#program = link(gl, VERTEX, FRAGMENT, ['corner']);
    this.#vertices = gl.createVertexArray();
    this.#corners = gl.createBuffer();
    this.#texture = gl.createTexture();
    gl.bindVertexArray(this.#vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#corners);
    gl.bufferData(gl.ARRAY_BUFFER, Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
  }

  setImage(image: BackdropImage | null): void {
    const gl = this.#gl;
    this.#box = image?.box ?? null;
    if (!image) return;
    this.#turn = image.turn ? textureTurn(image.turn) : UPRIGHT;
    gl.bindTexture(gl.TEXTURE_2D, this.#texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image.source);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  }

  draw(view: View, { part, width, height, ratio }: Target, { opacity, brightness }: BackdropStyle): void {
    const gl = this.#gl;
    const box = this.#box;
    if (!box) return;
    gl.useProgram(this.#program);
    gl.bindVertexArray(this.#vertices);
    gl.bindTexture(gl.TEXTURE_2D, this.#texture);
    const scale = view.scale * ratio;
    const left = (box.x0 - view.x) * scale + width / 2 - part.x;
    const bottom = height / 2 - (box.y0 - view.y) * scale - part.y;
    const uniform = (name: string) => gl.getUniformLocation(this.#program, name);
    gl.uniform2f(
      uniform('scale'),
      (2 * scale * (box.x1 - box.x0)) / part.width,
      (2 * scale * (box.y1 - box.y0)) / part.height,
    );
    gl.uniform2f(uniform('offset'), (2 * left) / part.width - 1, 1 - (2 * bottom) / part.height);
    gl.uniformMatrix2fv(uniform('turn'), false, this.#turn);
    gl.uniform1f(uniform('opacity'), opacity);
    gl.uniform1f(uniform('brightness'), brightness);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  dispose(): void {
    const gl = this.#gl;
    gl.deleteVertexArray(this.#vertices);
    gl.deleteBuffer(this.#corners);
    gl.deleteTexture(this.#texture);
    gl.deleteProgram(this.#program);
  }
}
