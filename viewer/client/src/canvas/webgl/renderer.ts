/** The WebGL2 implementation of `Scatter`. */

import { boundsOf, eased, type Size, type View } from '../camera';
import { CellIndex } from '../cellIndex';
import { lassoCells } from '../lasso';
import { FADED, type Lut, type Order, type Rgb } from '../paint';
import type { PngOptions, PositionOptions, Scatter, ScatterOptions } from '../scatter';
import { still, Viewpoint } from '../viewpoint';
import type { BackdropImage, BackdropStyle } from './backdrop';
import { DrawOrders } from './drawOrders';
import type { Drawn } from './order';
import { Pace } from './pace';
import { picture } from './picture';
import { type LayerStyle, type Morph, Program, THIN } from './program';
import { diameterOf, fadedOn, layerStyles, opacityOf } from './style';

/** Milliseconds that cells take from one embedding to another, and how many may go. */
const MOVING = 700;
const MOST_MOVING = 300_000;
/** The view rests when it has not moved for so long (ms): then all cells are drawn. */
const REST = 180;
/** Where ordering all cells takes longer (ms), a picture that changes again and again is thinned as well. */
const SLOW_ORDER = 12;
const NOTHING = new Float32Array(0);
const PLAIN: Lut = { rgba: Uint8Array.of(91, 107, 127, 255), levels: null };

/**
 * Make a scatter plot in a canvas. The canvas' CSS size rules; its pixels follow devicePixelRatio.
 *
 * @throws Error with a message for the user where the browser has no WebGL2
 */
export function createScatter(canvas: HTMLCanvasElement, options: ScatterOptions = {}): Scatter {
  return new WebGLScatter(canvas, options);
}

/** What the GPU holds a copy of. */
type Part = 'places' | 'codes' | 'lut' | 'order' | 'image';

class WebGLScatter implements Scatter {
  readonly canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #onLost: ((lost: boolean) => void) | undefined;
  readonly #onDemand: boolean;
  readonly #observer: ResizeObserver;
  readonly #camera = new Viewpoint(() => this.#changed());
  /** null while the context is lost. */
  #program: Program | null;

  #x: Float32Array = NOTHING;
  #y: Float32Array = NOTHING;
  #depth: Float32Array | null = null;
  #codes: Uint8Array | Uint16Array | null = null;
  #lut = PLAIN;
  #mask: Uint8Array | null = null;
  #image: BackdropImage | null = null;
  #imageStyle: BackdropStyle = { opacity: 1, brightness: 1 };
  #spot: number | null = null;
  #background: Rgb;
  #factor: number;
  #opacity: number | null;

  #nDrawable = 0;
  readonly #index = new CellIndex();
  readonly #orders = new DrawOrders();

  /** Cells on their way to their places. */
  #morph: (Morph & { begin: number }) | null = null;
  #ratio = 1;

  #frame = 0;
  /** What changed may change again at once, as the view does: with a brush, or a pointer that runs over a legend. */
  #lively = false;
  readonly #pace = new Pace();
  /** Milliseconds that ordering all cells took last. */
  #ordering = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** What the GPU has an old copy of. */
  #stale: Record<Part, boolean> = { places: true, codes: true, lut: true, order: true, image: true };

  constructor(canvas: HTMLCanvasElement, options: ScatterOptions) {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false, stencil: false });
    if (!gl) {
      throw new Error(
        'The cells cannot be drawn: this browser offers no WebGL2. Switch on hardware acceleration, or use a current Firefox, Chrome or Safari.',
      );
    }
    this.canvas = canvas;
    this.#gl = gl;
    this.#background = options.background ?? [255, 255, 255];
    this.#factor = options.pointSize ?? 1;
    this.#opacity = options.opacity ?? null;
    this.#onLost = options.onLost;
    this.#onDemand = options.onDemand ?? false;
    this.#program = new Program(gl);
    canvas.addEventListener('webglcontextlost', this.#lost);
    canvas.addEventListener('webglcontextrestored', this.#restored);
    this.#observer = new ResizeObserver(this.#resized);
    this.#observer.observe(canvas);
    window.addEventListener('resize', this.#resized);
    this.#resized();
  }

  setPositions(x: Float32Array, y: Float32Array, options: PositionOptions = {}): void {
    const { animate = false, depth = null } = options;
    if (x.length !== y.length) throw new RangeError(`${x.length} x coordinates for ${y.length} y coordinates`);
    if (x.length !== this.#x.length) {
      this.#orders.resize();
      if (this.#codes && this.#codes.length !== x.length) this.#codes = null;
      if (this.#mask && this.#mask.length !== x.length) this.#mask = null;
      this.#stale.codes = true;
    }
    const canMove = x.length === this.#x.length && x.length <= MOST_MOVING && !this.#stale.places && !still();
    const { box, view } = this.#camera;
    this.#morph = animate && canMove && box ? { begin: Number.NaN, way: 0, view, box } : null;
    this.#x = x;
    this.#y = y;
    this.#depth = depth;
    // What has a depth is turned, again and again.
    if (depth) this.#lively = true;
    this.#camera.setBox(options.box ?? boundsOf(x, y));
    this.#nDrawable = 0;
    for (let i = 0; i < x.length; i++) {
      if ((x[i] as number) - (x[i] as number) + ((y[i] as number) - (y[i] as number)) === 0) this.#nDrawable++;
    }
    if (!this.#onDemand) this.#index.set(x, y, this.#camera.box, REST);
    this.#changed('places', 'order');
  }

  setCodes(codes: Uint8Array | Uint16Array | null): void {
    if (codes) this.#checkLength(codes.length, 'codes');
    this.#codes = codes;
    this.#changed('codes', 'order');
  }

  setLut(lut: Lut): void {
    this.#lut = lut;
    this.#lively = true;
    this.#changed('lut', 'order');
  }

  setOrder(order: Order): void {
    this.#orders.setKind(order);
    this.#changed('order');
  }

  setMask(mask: Uint8Array | null): void {
    if (mask) this.#checkLength(mask.length, 'bytes of a mask');
    this.#mask = mask;
    this.#lively = true;
    this.#changed('order');
  }

  setPointSize(factor: number): void {
    this.#factor = factor;
    this.#changed();
  }

  setOpacity(opacity: number | null): void {
    this.#opacity = opacity;
    this.#changed();
  }

  setBackground(rgb: Rgb): void {
    this.#background = rgb;
    this.#changed();
  }

  setImage(image: BackdropImage | null): void {
    this.#image = image;
    this.#changed('image');
  }

  setImageStyle(style: BackdropStyle): void {
    this.#imageStyle = style;
    this.#changed();
  }

  setSpotDiameter(units: number | null): void {
    this.#spot = units;
    this.#changed();
  }

  get nDrawable(): number {
    return this.#nDrawable;
  }

  get pointDiameter(): number {
    if (this.#spot !== null) return Math.max(1, this.#spot * this.view.scale * this.#factor);
    return diameterOf(this.#nDrawable, this.size, this.#camera.zoom, this.#factor);
  }

  get size(): Size {
    return this.#camera.size;
  }

  get view(): View {
    return this.#camera.view;
  }

  get fitted(): View {
    return this.#camera.fitted;
  }

  setView(view: View, animate = false): void {
    this.#camera.setView(view, animate);
  }

  fit({ animate = false, cells }: { animate?: boolean; cells?: ArrayLike<number> } = {}): void {
    this.#camera.fit(cells && boundsOf(this.#x, this.#y, cells), animate);
  }

  panBy(dx: number, dy: number, animate = false): void {
    this.#camera.panBy(dx, dy, animate);
  }

  zoomBy(factor: number, px?: number, py?: number, animate = false): void {
    this.#camera.zoomBy(factor, px, py, animate);
  }

  project(x: number, y: number): [number, number] {
    return this.#camera.project(x, y);
  }

  unproject(px: number, py: number): [number, number] {
    return this.#camera.unproject(px, py);
  }

  onView(listener: (view: View) => void): () => void {
    return this.#camera.onView(listener);
  }

  pick(px: number, py: number, reach = Math.max(5, this.pointDiameter / 2 + 2)): number {
    const [x, y] = this.unproject(px, py);
    const distance = reach / this.view.scale;
    const clear = this.#index.nearest(x, y, distance, (cell) => this.#isShown(cell) && this.#mask?.[cell] !== FADED);
    return clear >= 0 || !this.#mask ? clear : this.#index.nearest(x, y, distance, (cell) => this.#isShown(cell));
  }

  lasso(polygon: ArrayLike<number>): Uint32Array {
    const corners = new Float64Array(polygon.length & ~1);
    for (let k = 0; k < corners.length; k += 2) {
      corners.set(this.unproject(polygon[k] as number, polygon[k + 1] as number), k);
    }
    return lassoCells(this.#x, this.#y, corners, (cell) => this.#isShown(cell) && this.#mask?.[cell] !== FADED);
  }

  async prepare(): Promise<void> {
    if (!this.#stale.order || this.#orders.isPrepared) return;
    await new Promise<void>((done) => this.#orders.prepare(this.#drawn(), this.#depth, done, done));
  }

  toPNG({ scale = 2, background = this.#background }: PngOptions = {}): Promise<Blob> {
    const program = this.#program;
    if (!program) return Promise.reject(new Error('The graphics were interrupted: try again.'));
    this.#upload(program);
    const target = {
      width: Math.max(1, Math.round(this.size.width * scale)),
      height: Math.max(1, Math.round(this.size.height * scale)),
      ratio: scale,
      background,
    };
    return picture(this.#gl, program, this.view, target, this.#styles(scale));
  }

  flush(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    this.#frame = 0;
    this.#morph = null;
    this.#camera.arrive();
    this.#draw();
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    this.#index.dispose();
    this.#orders.stop();
    this.#observer.disconnect();
    window.removeEventListener('resize', this.#resized);
    this.canvas.removeEventListener('webglcontextlost', this.#lost);
    this.canvas.removeEventListener('webglcontextrestored', this.#restored);
    this.#camera.dispose();
    this.#program?.dispose();
    this.#program = null;
  }

  #checkLength(length: number, what: string): void {
    if (length !== this.#x.length) throw new RangeError(`${length} ${what} for ${this.#x.length} cells`);
  }

  #isShown(cell: number): boolean {
    const code = this.#codes ? (this.#codes[cell] as number) : 0;
    return (this.#lut.rgba[4 * code + 3] ?? 0) > 0;
  }

  #changed(...parts: Part[]): void {
    for (const part of parts) this.#stale[part] = true;
    if (parts.includes('order')) this.#orders.reset();
    if (!this.#onDemand) this.#frame ||= requestAnimationFrame(this.#tick);
  }

  #tick = (now: number): void => {
    this.#frame = 0;
    if (this.#camera.advance(now)) this.#frame = requestAnimationFrame(this.#tick);
    const morph = this.#morph;
    if (morph) {
      const begin = Number.isNaN(morph.begin) ? now : morph.begin;
      const t = (now - begin) / MOVING;
      this.#morph = t >= 1 ? null : { ...morph, begin, way: eased(t) };
      this.#frame ||= requestAnimationFrame(this.#tick);
    }
    this.#draw((this.#camera.moved || this.#lively) && this.#thins());
  };

  /** Whether a frame of a lively picture should be thin; if so, all cells follow when it rests. */
  #thins(): boolean {
    const slow = this.#pace.slow || (this.#stale.order && this.#ordering > SLOW_ORDER);
    if (!slow || this.#nDrawable <= THIN) return false;
    clearTimeout(this.#rest);
    this.#orders.stop();
    this.#rest = setTimeout(this.#rested, REST);
    return true;
  }

  /** Order all cells in steps, so that the page answers meanwhile, and draw them. */
  #rested = (): void => {
    if (!this.#stale.order || this.#orders.isPrepared) this.#changed();
    else this.#orders.prepare(this.#drawn(), this.#depth, () => this.#changed());
  };

  #drawn(): Drawn {
    return { x: this.#x, y: this.#y, codes: this.#codes, lut: this.#lut, mask: this.#mask };
  }

  #draw(thin = false): void {
    this.#lively = false;
    this.#camera.tell();
    const { width, height } = this.canvas;
    if (!this.#program || width === 0 || height === 0) return;
    const fresh = !Object.values(this.#stale).includes(true);
    this.#upload(this.#program, thin);
    const part = { x: 0, y: 0, width, height };
    const target = { width, height, ratio: this.#ratio, part, background: this.#background };
    this.#program.draw(this.view, target, this.#styles(this.#ratio, thin), thin, this.#morph);
    // A frame with uploads says little of the next one.
    if (fresh && !thin && this.#nDrawable > THIN) this.#pace.measure(this.#gl);
  }

  /** Bring the GPU up to date; for a thin picture the order of all cells can wait. */
  #upload(program: Program, thin = false): void {
    const stale = this.#stale;
    const { box } = this.#camera;
    if (stale.places && box) program.setPlaces(this.#x, this.#y, box, this.#morph !== null);
    if (stale.codes) program.setCodes(this.#codes);
    if (stale.lut) program.setLut(this.#lut.rgba);
    if (stale.image) program.setImage(this.#image);
    program.setBackdropStyle(this.#imageStyle);
    if (stale.order && thin) program.setThinOrder(this.#orders.ofFew(this.#drawn(), THIN));
    else if (stale.order) {
      const begin = performance.now();
      const { isPrepared } = this.#orders;
      program.setOrder(this.#orders.ofAll(this.#drawn(), this.#depth));
      if (!isPrepared) this.#ordering = performance.now() - begin;
    }
    const order = stale.order && thin;
    this.#stale = { places: false, codes: false, lut: false, order, image: false };
  }

  #styles(ratio: number, thin = false): LayerStyle[] {
    const opacity = this.#opacity ?? opacityOf(this.#nDrawable, this.#camera.zoom);
    // Fewer cells make up for it by their size, so the islands keep their weight.
    const diameter = this.pointDiameter * (thin ? 1.6 : 1);
    return layerStyles(diameter, opacity, ratio, fadedOn(this.#background));
  }

  #resized = (): void => {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    const ratio = window.devicePixelRatio || 1;
    if (width === this.size.width && height === this.size.height && ratio === this.#ratio) return;
    this.#ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.#camera.resize({ width, height });
    // A canvas that changes size is blank until it is drawn: without this, resizing would flicker.
    if (this.#program && width > 0 && height > 0) this.flush();
  };

  #lost = (event: Event): void => {
    // Without this the browser would not restore the context.
    event.preventDefault();
    this.#program = null;
    this.#morph = null;
    this.#onLost?.(true);
  };

  #restored = (): void => {
    this.#program = new Program(this.#gl);
    this.#onLost?.(false);
    this.#changed('places', 'codes', 'lut', 'order', 'image');
  };
}
