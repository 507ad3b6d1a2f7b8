/**
 * The WebGL side: shaders, buffers and the draw calls. It holds nothing that the CPU side could not upload again, so a lost
 * context costs a rebuild and no data.
 */

import type { Box, View } from '../camera';
import type { Rgb } from '../paint';
import { Backdrop, type BackdropImage, type BackdropStyle } from './backdrop';
import { type DrawOrder, LAYERS, thinned } from './order';
import { link, type Target } from './shader';

const VERTEX = `#version 300 es
precision highp float;
precision highp int;
in vec2 place;
in uint code;
in vec2 before;
uniform vec2 scale;
uniform vec2 offset;
uniform vec2 before_scale;
uniform vec2 before_offset;
uniform float way;
uniform float diameter;
uniform highp sampler2D lut;
uniform vec4 flat_color;
flat out vec3 color;
flat out float radius;
flat out float extent;
void main() {
	vec2 there = place * scale + offset;
	if (way < 1.0) there = mix(before * before_scale + before_offset, there, way);
	gl_Position = vec4(there, 0.0, 1.0);
	extent = diameter + 1.0;
	radius = 0.5 * diameter;
	gl_PointSize = extent;
	vec3 own = texelFetch(lut, ivec2(int(code & 255u), int(code >> 8)), 0).rgb;
	color = mix(own, flat_color.rgb, flat_color.a);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec3 color;
flat in float radius;
flat in float extent;
uniform float opacity;
uniform float rim;
out vec4 pixel;
void main() {
	float from_center = length(gl_PointCoord - 0.5) * extent;
	float cover = clamp(radius - from_center + 0.5, 0.0, 1.0);
	if (cover <= 0.0) discard;
	float edge = rim * clamp(from_center - radius + 1.5, 0.0, 1.0);
	float alpha = cover * opacity;
	pixel = vec4(color * (1.0 - edge) * alpha, alpha);
}`;

/** Cells on their way from other places. */
export interface Morph {
  /** 0 at the places before, 1 at those now. */
  readonly way: number;
  /** Where the camera looked, and the box of the places, before. */
  readonly view: View;
  readonly box: Box;
}

/** Below this many cells the GPU holds float32 places; above, uint16 in the box of the data: half the memory. */
const QUANTISE_FROM = 500_000;
const LUT_WIDTH = 256;
/** Cells of the thin picture drawn while the view moves, where the GPU is too slow for all. */
export const THIN = 100_000;

/** How one layer of the order looks. */
export interface LayerStyle {
  /** Diameter in pixels of the target. */
  readonly diameter: number;
  readonly opacity: number;
  /** Darkening of the rim, 0 to 1. */
  readonly rim: number;
  /** One colour in place of each code's own. */
  readonly color: Rgb | null;
}

export class Program {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #vertices: WebGLVertexArrayObject;
  #places: WebGLBuffer;
  /** The places before those now. */
  #before: WebGLBuffer;
  readonly #codes: WebGLBuffer;
  readonly #cells: WebGLBuffer;
  readonly #lut: WebGLTexture;
  readonly #backdrop: Backdrop;
  #backdropStyle: BackdropStyle = { opacity: 1, brightness: 1 };
  readonly #uniforms: Record<string, WebGLUniformLocation | null>;
  #starts = new Uint32Array(LAYERS + 1);
  /** Where the layers of the thin picture begin, in the same buffer. */
  #thinStarts = new Uint32Array(LAYERS + 1);
  #box: Box = { x0: 0, y0: 0, x1: 1, y1: 1 };

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.#program = link(gl, VERTEX, FRAGMENT, ['place', 'code', 'before']);
    this.#backdrop = new Backdrop(gl);
    this.#vertices = gl.createVertexArray();
    this.#places = gl.createBuffer();
    this.#before = gl.createBuffer();
    this.#codes = gl.createBuffer();
    this.#cells = gl.createBuffer();
    this.#lut = gl.createTexture();
    const names = [
      'scale',
      'offset',
      'diameter',
      'lut',
      'flat_color',
      'opacity',
      'rim',
      'before_scale',
      'before_offset',
      'way',
    ];
    this.#uniforms = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(this.#program, name)]));
    gl.bindVertexArray(this.#vertices);
    gl.enableVertexAttribArray(0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#cells);
    gl.bindTexture(gl.TEXTURE_2D, this.#lut);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    }
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Upload the places of the cells, relative to the box of the data; `morph` keeps those before for `draw`. */
  setPlaces(x: Float32Array, y: Float32Array, box: Box, morph = false): void {
    const gl = this.#gl;
    if (morph) [this.#places, this.#before] = [this.#before, this.#places];
    this.#box = box;
    const quantise = x.length >= QUANTISE_FROM;
    const top = quantise ? 65535 : 1;
    const perX = top / (box.x1 - box.x0 || 1);
    const perY = top / (box.y1 - box.y0 || 1);
    const half = quantise ? 0.5 : 0;
    const places = quantise ? new Uint16Array(2 * x.length) : new Float32Array(2 * x.length);
    for (let i = 0; i < x.length; i++) {
      places[2 * i] = ((x[i] as number) - box.x0) * perX + half;
      places[2 * i + 1] = ((y[i] as number) - box.y0) * perY + half;
    }
    gl.bindVertexArray(this.#vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#places);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    gl.vertexAttribPointer(0, 2, quantise ? gl.UNSIGNED_SHORT : gl.FLOAT, quantise, 0, 0);
    if (!morph) {
      gl.disableVertexAttribArray(2);
      return;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#before);
    gl.enableVertexAttribArray(2);
    gl.vertexAttribPointer(2, 2, gl.FLOAT, false, 0, 0);
  }

  /** Upload the codes; null: every cell has code 0. */
  setCodes(codes: Uint8Array | Uint16Array | null): void {
    const gl = this.#gl;
    gl.bindVertexArray(this.#vertices);
    if (!codes) {
      gl.disableVertexAttribArray(1);
      gl.vertexAttribI4ui(1, 0, 0, 0, 0);
      return;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#codes);
    gl.bufferData(gl.ARRAY_BUFFER, codes, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, codes.BYTES_PER_ELEMENT === 1 ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT, 0, 0);
  }

  setLut(rgba: Uint8Array): void {
    const gl = this.#gl;
    const rows = Math.max(1, Math.ceil(rgba.length / 4 / LUT_WIDTH));
    const texels = new Uint8Array(4 * LUT_WIDTH * rows);
    texels.set(rgba);
    gl.bindTexture(gl.TEXTURE_2D, this.#lut);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, LUT_WIDTH, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
  }

  setOrder(order: DrawOrder): void {
    const gl = this.#gl;
    const { cells, starts } = order;
    const thin = thinned(order, THIN);
    this.#starts = starts.slice();
    this.#thinStarts = thin.starts.slice();
    gl.bindVertexArray(this.#vertices);
    if (thin.cells === cells) {
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, cells, gl.DYNAMIC_DRAW);
      return;
    }
    for (let layer = 0; layer <= LAYERS; layer++) {
      this.#thinStarts[layer] = (thin.starts[layer] as number) + cells.length;
    }
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, 4 * (cells.length + thin.cells.length), gl.DYNAMIC_DRAW);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 0, cells);
    gl.bufferSubData(gl.ELEMENT_ARRAY_BUFFER, 4 * cells.length, thin.cells);
  }

  /** Upload the order of a thin picture alone; that of all cells is out of date then. */
  setThinOrder({ cells, starts }: DrawOrder): void {
    const gl = this.#gl;
    gl.bindVertexArray(this.#vertices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, cells, gl.DYNAMIC_DRAW);
    this.#thinStarts = starts.slice();
  }

  /** Draw into the framebuffer that is bound; `thin` draws at most THIN cells. */
  draw(view: View, target: Target, styles: readonly LayerStyle[], thin = false, morph: Morph | null = null): void {
    const gl = this.#gl;
    const { part, background } = target;
    gl.viewport(0, 0, part.width, part.height);
    const [r, g, b] = background ?? [0, 0, 0];
    gl.clearColor(r / 255, g / 255, b / 255, background ? 1 : 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.#backdrop.draw(view, target, this.#backdropStyle);
    const starts = thin ? this.#thinStarts : this.#starts;
    if (starts[LAYERS] === 0) return;

    // A point whose middle lies outside the viewport is not drawn, however large it is.
    const border = Math.ceil(Math.max(0, ...styles.map(({ diameter }) => diameter)) / 2);
    const [x, y, width, height] = [part.x - border, part.y - border, part.width + 2 * border, part.height + 2 * border];
    const wider = { ...target, part: { x, y, width, height } };
    gl.viewport(-border, -border, width, height);
    gl.useProgram(this.#program);
    gl.bindVertexArray(this.#vertices);
    gl.bindTexture(gl.TEXTURE_2D, this.#lut);
    this.#place('scale', 'offset', view, this.#box, wider);
    if (morph) this.#place('before_scale', 'before_offset', morph.view, morph.box, wider);
    gl.uniform1f(this.#uniform('way'), morph ? morph.way : 1);
    gl.uniform1i(this.#uniform('lut'), 0);
    for (let layer = 0; layer < LAYERS; layer++) {
      const start = starts[layer] as number;
      const count = (starts[layer + 1] as number) - start;
      const style = styles[layer];
      if (count === 0 || !style) continue;
      const [cr, cg, cb] = style.color ?? [0, 0, 0];
      gl.uniform1f(this.#uniform('diameter'), style.diameter);
      gl.uniform1f(this.#uniform('opacity'), style.opacity);
      gl.uniform1f(this.#uniform('rim'), style.rim);
      gl.uniform4f(this.#uniform('flat_color'), cr / 255, cg / 255, cb / 255, style.color ? 1 : 0);
      gl.drawElements(gl.POINTS, count, gl.UNSIGNED_INT, 4 * start);
    }
  }

  /** Say where places in a box lie in the target. */
  #place(scaleName: string, offsetName: string, view: View, { x0, y0, x1, y1 }: Box, target: Target): void {
    const gl = this.#gl;
    const { part, width, height, ratio } = target;
    const scale = view.scale * ratio;
    gl.uniform2f(
      this.#uniform(scaleName),
      (2 * scale * (x1 - x0 || 1)) / part.width,
      (2 * scale * (y1 - y0 || 1)) / part.height,
    );
    const left = (x0 - view.x) * scale + width / 2 - part.x;
    const bottom = height / 2 - (y0 - view.y) * scale - part.y;
    gl.uniform2f(this.#uniform(offsetName), (2 * left) / part.width - 1, 1 - (2 * bottom) / part.height);
  }

  setBackdropStyle(style: BackdropStyle): void {
    this.#backdropStyle = style;
  }

  /** Upload the picture under the cells. */
  setImage(image: BackdropImage | null): void {
    this.#backdrop.setImage(image);
  }

  dispose(): void {
    const gl = this.#gl;
    this.#backdrop.dispose();
    gl.deleteVertexArray(this.#vertices);
    for (const buffer of [this.#places, this.#before, this.#codes, this.#cells]) gl.deleteBuffer(buffer);
    gl.deleteTexture(this.#lut);
    gl.deleteProgram(this.#program);
  }

  #uniform(name: string): WebGLUniformLocation | null {
    return this.#uniforms[name] ?? null;
  }
}
