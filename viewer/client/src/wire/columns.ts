/**
 * Decoder of `application/vnd.starcyte.columns`: "SCC1", a uint32 header length, a JSON header, then the arrays.
 * The arrays of the answer are views on the body; nothing is copied.
 */

/** The media type to send as `Accept`. */
export const COLUMNS_TYPE = 'application/vnd.starcyte.columns';

/** Every array type the wire carries. */
export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;

export type Dtype = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64';

/** A column with one element for each row. */
export interface DenseColumn {
  readonly layout: 'dense';
  readonly name: string;
  readonly dtype: Dtype;
  /** A view on the body. For a categorical column: codes, -1 is missing. */
  readonly values: NumberArray;
  /** Category names where the column is categorical. */
  readonly categories: readonly string[] | null;
  readonly ordered: boolean;
  /** 1 where the value is missing; null where nothing is (or where NaN or -1 says so). */
  readonly missing: Uint8Array | null;
  /** The values themselves. */
  dense(): NumberArray;
}

/** A column of which only the cells listed are not 0. */
export interface SparseColumn {
  readonly layout: 'sparse';
  readonly name: string;
  readonly dtype: Dtype;
  /** Rows that are listed: each below `n`. */
  readonly indices: Uint32Array | Int32Array | Uint16Array;
  /** Their values, in the same order. */
  readonly values: NumberArray;
  /** A new array of `n` elements, 0 where no value is listed. */
  dense(): NumberArray;
}

/** A text column of too many values for codes; its texts come in the header. */
export interface StringColumn {
  readonly layout: 'string';
  readonly name: string;
  readonly values: readonly (string | null)[];
}

export type Column = DenseColumn | SparseColumn | StringColumn;

export interface Columns {
  /** Number of rows. */
  readonly n: number;
  readonly columns: readonly Column[];
}

/** A body that is not what the format says. The message names the defect. */
export class ColumnsError extends Error {
  override name = 'ColumnsError';
}

type Fields = Record<string, unknown>;

interface Span {
  dtype: Dtype;
  offset: number;
  length: number;
}

const VIEWS = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

const PREFIX = 8;
const MAGIC = [0x53, 0x43, 0x43, 0x31];

/**
 * Decode a body.
 *
 * @param body - the whole answer, as `Response.arrayBuffer()` gives it
 * @returns its columns, as views on `body`
 * @throws ColumnsError where the body contradicts the format
 */
export function decodeColumns(body: ArrayBuffer): Columns {
  if (body.byteLength < PREFIX) fail(`it has ${body.byteLength} bytes, fewer than its prefix`);
  const bytes = new Uint8Array(body);
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) fail('it does not begin with "SCC1"');
  const headerLength = new DataView(body).getUint32(4, true);
  const start = PREFIX + headerLength;
  if (start > body.byteLength) fail(`its header of ${headerLength} bytes is cut off`);
  if (start % 8 !== 0) fail('its arrays do not begin at a multiple of 8 bytes');
  const header = parseHeader(bytes.subarray(PREFIX, start));
  const n = header.n;
  if (!isCount(n)) fail('its header has no number of rows');
  if (!Array.isArray(header.columns)) fail('its header has no list of columns');
  return { n, columns: header.columns.map((entry) => column(body, start, n, entry)) };
}

function fail(why: string): never {
  throw new ColumnsError(`The server's answer cannot be read: ${why}. Reload the page; if it stays, report it.`);
}

function parseHeader(bytes: Uint8Array): Fields {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    fail('its header is not JSON');
  }
  if (!isFields(header)) fail('its header is not a JSON object');
  return header;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function column(body: ArrayBuffer, start: number, n: number, entry: unknown): Column {
  if (!isFields(entry) || typeof entry.name !== 'string') fail('a column has no name');
  const name = entry.name;
  if (entry.dtype === 'string') return stringColumn(name, n, entry);
  const span = spanOf(entry, `column "${name}"`);
  const values = view(body, start, span, `column "${name}"`);
  if (entry.layout === 'dense') return denseColumn(body, start, n, name, span, values, entry);
  if (entry.layout === 'sparse') return sparseColumn(body, start, n, name, span, values, entry);
  fail(`column "${name}" has the unknown layout ${JSON.stringify(entry.layout)}`);
}

function stringColumn(name: string, n: number, entry: Fields): StringColumn {
  const values = entry.values;
  if (!Array.isArray(values) || values.some((text) => text !== null && typeof text !== 'string')) {
    fail(`text column "${name}" has no list of texts`);
  }
  if (values.length !== n) fail(`text column "${name}" has ${values.length} values for ${n} rows`);
  return { layout: 'string', name, values };
}

function denseColumn(
  body: ArrayBuffer,
  start: number,
  n: number,
  name: string,
  { dtype, length }: Span,
  values: NumberArray,
  entry: Fields,
): DenseColumn {
  if (length !== n) fail(`column "${name}" has ${length} values for ${n} rows`);
  const categories = entry.categories ?? null;
  if (categories !== null && !isTexts(categories)) fail(`the categories of column "${name}" are not texts`);
  if (categories !== null) checkCodes(values, categories.length, name);
  let missing: Uint8Array | null = null;
  if (entry.missing !== undefined && entry.missing !== null) {
    const what = `the missing values of column "${name}"`;
    const span = spanOf(entry.missing, what);
    const mask = view(body, start, span, what);
    if (!(mask instanceof Uint8Array) || span.length !== n) fail(`${what} are not one uint8 for each of ${n} rows`);
    missing = mask;
  }
  return {
    layout: 'dense',
    name,
    dtype,
    values,
    categories,
    ordered: entry.ordered === true,
    missing,
    dense: () => values,
  };
}

function checkCodes(codes: NumberArray, size: number, name: string): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (!(code >= -1 && code < size)) fail(`column "${name}" has the code ${code} for ${size} categories`);
  }
}

function sparseColumn(
  body: ArrayBuffer,
  start: number,
  n: number,
  name: string,
  { dtype, length }: Span,
  values: NumberArray,
  entry: Fields,
): SparseColumn {
  const what = `the rows of sparse column "${name}"`;
  const span = spanOf(entry.indices, what);
  const indices = view(body, start, span, what);
  if (!(indices instanceof Uint32Array || indices instanceof Int32Array || indices instanceof Uint16Array)) {
    fail(`${what} are ${span.dtype}`);
  }
  if (indices.length !== length) fail(`${what} are ${indices.length}, its values ${length}`);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i] as number;
    if (row < 0 || row >= n) fail(`${what} name row ${row} of ${n}`);
  }
  const View = VIEWS[dtype];
  return {
    layout: 'sparse',
    name,
    dtype,
    indices,
    values,
    dense() {
      const all = new View(n);
      for (let i = 0; i < indices.length; i++) all[indices[i] as number] = values[i] as number;
      return all;
    },
  };
}

function spanOf(entry: unknown, what: string): Span {
  if (!isFields(entry)) fail(`${what} are not described`);
  const { dtype, offset, length } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(VIEWS, dtype)) {
    fail(`${what}: the dtype ${JSON.stringify(dtype)} is unknown`);
  }
  if (!isCount(offset) || !isCount(length)) fail(`${what}: offset or length is not a whole number`);
  if (offset % 8 !== 0) fail(`${what}: the offset ${offset} is not a multiple of 8`);
  return { dtype: dtype as Dtype, offset, length };
}

function view(body: ArrayBuffer, start: number, { dtype, offset, length }: Span, what: string): NumberArray {
  const View = VIEWS[dtype];
  if (start + offset + length * View.BYTES_PER_ELEMENT > body.byteLength) fail(`${what}: the array is cut off`);
  return new View(body, start + offset, length);
}
