/**
 * The order the cells are drawn in, as an index buffer: what comes later lies on top.
 *
 * An index buffer by counting sort rather than the depth buffer: the depth test would drop what lies behind the soft rim of
 * a point, and so put a halo around every one, and translucent points would hide each other. The sort costs some 10 ms per
 * million cells, cells that are not drawn cost the GPU nothing, and each layer is one range of the buffer.
 */
import { FADED, HIGHLIGHTED, type Lut, type Order } from '../paint';
import { inPieces, whole } from '../steps';

/** Layers from the lowest: cells faded by the mask, by the table, normal ones, those that stand out. */
export const LAYERS = 4;

export interface DrawOrder {
  /** Cells to draw, layer after layer. */
  readonly cells: Uint32Array;
  /** Where each layer begins, and behind the last one the number of cells. */
  readonly starts: Uint32Array;
}

export interface Drawn {
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** null: all 0. */
  readonly codes: Uint8Array | Uint16Array | null;
  readonly lut: Lut;
  readonly mask: Uint8Array | null;
}

/** Order the cells at once; see `orderSteps`. */
export function drawOrder(drawn: Drawn, order: Order, shuffle: Uint32Array | null, most?: number): DrawOrder {
  return whole(orderSteps(drawn, order, shuffle, most));
}

/**
 * Order the cells in steps. `shuffle` is a permutation of the cells, used where the order is shuffled. `most` takes but so many
 * cells, the first of the permutation: for a picture that changes faster than all can be ordered.
 */
export function* orderSteps(
  { x, y, codes, lut, mask }: Drawn,
  order: Order,
  shuffle: Uint32Array | null,
  most = Number.POSITIVE_INFINITY,
): Generator<undefined, DrawOrder> {
  const n = Math.min(x.length, most);
  const few = n < x.length ? shuffle : null;
  const nCodes = lut.rgba.length >> 2;
  const layerOfCode = new Uint8Array(nCodes);
  for (let code = 0; code < nCodes; code++) {
    const level = lut.levels ? lut.levels[code] : null;
    layerOfCode[code] = lut.rgba[4 * code + 3] === 0 ? LAYERS : level === FADED ? 1 : level === HIGHLIGHTED ? 3 : 2;
  }
  const ranks = order === 'value' ? nCodes : 1;
  const dropped = LAYERS * ranks;
  /** Place of each cell among the keys: layer first, then rank. */
  const keys = dropped < 256 ? new Uint8Array(n) : dropped < 65536 ? new Uint16Array(n) : new Uint32Array(n);
  const starts = new Uint32Array(dropped + 2);
  const look = (from: number, to: number) => {
    for (let k = from; k < to; k++) {
      const i = few ? (few[k] as number) : k;
      const px = x[i] as number;
      const py = y[i] as number;
      const code = codes ? (codes[i] as number) : 0;
      let layer = code < nCodes ? (layerOfCode[code] as number) : LAYERS;
      if (px - px + (py - py) !== 0) layer = LAYERS;
      else if (mask && layer !== LAYERS) {
        const wanted = mask[i] as number;
        if (wanted === FADED) layer = 0;
        else if (wanted === HIGHLIGHTED) layer = 3;
      }
      const key = layer === LAYERS ? dropped : ranks === 1 ? layer : layer * ranks + code;
      keys[k] = key;
      starts[key + 1] = (starts[key + 1] as number) + 1;
    }
  };
  yield* inPieces(n, look);
  for (let key = 0; key <= dropped; key++) {
    starts[key + 1] = (starts[key + 1] as number) + (starts[key] as number);
  }
  const layers = new Uint32Array(LAYERS + 1);
  for (let layer = 0; layer <= LAYERS; layer++) layers[layer] = starts[layer * ranks] as number;
  const cells = new Uint32Array(layers[LAYERS] as number);
  const mixed = order === 'shuffled' || few ? shuffle : null;
  const sort = (from: number, to: number) => {
    for (let k = from; k < to; k++) {
      const i = mixed ? (mixed[k] as number) : k;
      const key = keys[few ? k : i] as number;
      if (key === dropped) continue;
      const at = starts[key] as number;
      cells[at] = i;
      starts[key] = at + 1;
    }
  };
  yield;
  yield* inPieces(n, sort);
  return { cells, starts: layers };
}

/** A fixed random permutation of n cells. */
export function shuffled(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let state = 0x9e3779b9;
  for (let i = n - 1; i > 0; i--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const j = Math.floor(((state >>> 0) / 4294967296) * (i + 1));
    const held = order[i] as number;
    order[i] = order[j] as number;
    order[j] = held;
  }
  return order;
}

const DEPTHS = 4096;

/** The cells by their depth, the farthest first, in so many steps; those without one come first. */
export function byDepth(depth: Float32Array): Uint32Array {
  let near = Number.NEGATIVE_INFINITY;
  let far = Number.POSITIVE_INFINITY;
  for (const value of depth) {
    if (value > near) near = value;
    if (value < far) far = value;
  }
  const per = near > far ? (DEPTHS - 1) / (near - far) : 0;
  const steps = new Uint16Array(depth.length);
  const starts = new Uint32Array(DEPTHS + 1);
  for (let cell = 0; cell < depth.length; cell++) {
    const step = ((depth[cell] as number) - far) * per || 0;
    steps[cell] = step;
    const after = Math.floor(step) + 1;
    starts[after] = (starts[after] as number) + 1;
  }
  for (let step = 0; step < DEPTHS; step++) starts[step + 1] = (starts[step + 1] as number) + (starts[step] as number);
  const order = new Uint32Array(depth.length);
  for (let cell = 0; cell < depth.length; cell++) {
    const step = steps[cell] as number;
    const at = starts[step] as number;
    order[at] = cell;
    starts[step] = at + 1;
  }
  return order;
}

/** Every so manieth cell of an order, layer by layer: a thinner picture that looks alike. */
export function thinned({ cells, starts }: DrawOrder, most: number): DrawOrder {
  const step = Math.ceil(cells.length / most);
  if (step <= 1) return { cells, starts };
  const thin = new Uint32Array(Math.ceil(cells.length / step) + LAYERS);
  const layers = new Uint32Array(LAYERS + 1);
  let count = 0;
  for (let layer = 0; layer < LAYERS; layer++) {
    const end = starts[layer + 1] as number;
    for (let at = starts[layer] as number; at < end; at += step) thin[count++] = cells[at] as number;
    layers[layer + 1] = count;
  }
  return { cells: thin.subarray(0, count), starts: layers };
}
