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
out vec4 pixel;
void main() {
	vec4 found = texture(picture, at);
	pixel = vec4(found.rgb * found.a, found.a);
}`;

/** A picture and the data units it spans, its upper edge at y1. */
export interface BackdropImage {
  readonly source: ImageBitmap;
  readonly box: Box;
}

export class Backdrop {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #vertices: WebGLVertexArrayObject;
  readonly #corners: WebGLBuffer;
  readonly #texture: WebGLTexture;
  #box: Box | null = null;

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
    gl.bindTexture(gl.TEXTURE_2D, this.#texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image.source);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  }

  draw(view: View, { part, width, height, ratio }: Target): void {
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
