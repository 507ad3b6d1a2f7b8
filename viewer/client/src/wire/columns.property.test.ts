import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Column, ColumnsError, decodeColumns } from './columns';

const ARRAYS = {
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};
type Dtype = keyof typeof ARRAYS;
const DTYPE = fc.constantFrom(...(Object.keys(ARRAYS) as Dtype[]));
const TEXT = fc.string({ unit: 'binary', maxLength: 12 });

/** A column as the decoder is to hand it out, and what the server says and sends of it. */
interface Made {
  wanted: {
    layout: string;
    name: string;
    values: unknown;
    dense?: unknown;
    categories?: unknown;
    missing?: unknown;
    indices?: unknown;
  };
  entry: Record<string, unknown>;
  arrays: [slot: Record<string, unknown>, array: ArrayBufferView][];
}

function bytesOf(n: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 8 * n, maxLength: 8 * n });
}

/** Any bit pattern is a value: NaN, infinities and numbers too small to be normal among them. */
function valuesOf(dtype: Dtype, bytes: Uint8Array, n: number) {
  return new ARRAYS[dtype](bytes.slice(0, n * ARRAYS[dtype].BYTES_PER_ELEMENT).buffer);
}

function dense(n: number): fc.Arbitrary<Made> {
  return fc
    .record({
      name: TEXT,
      dtype: DTYPE,
      bytes: bytesOf(n),
      missing: fc.option(fc.uint8Array({ minLength: n, maxLength: n, max: 1 })),
    })
    .map(({ name, dtype, bytes, missing }) => {
      const values = valuesOf(dtype, bytes, n);
      const entry: Record<string, unknown> = { name, dtype, layout: 'dense' };
      const mask = { dtype: 'uint8' };
      if (missing) entry.missing = mask;
      return {
        wanted: { layout: 'dense', name, values, dense: values, categories: null, missing },
        entry,
        arrays: [[entry, values], ...(missing ? [[mask, missing] as [Record<string, unknown>, Uint8Array]] : [])],
      };
    });
}

function coded(n: number): fc.Arbitrary<Made> {
  return fc.array(TEXT, { maxLength: 100 }).chain((categories) =>
    fc
      .record({
        name: TEXT,
        codes: fc.array(fc.integer({ min: -1, max: categories.length - 1 }), { minLength: n, maxLength: n }),
      })
      .map(({ name, codes }) => {
        const values = Int8Array.from(codes);
        const entry = { name, dtype: 'int8', layout: 'dense', categories };
        return {
          wanted: { layout: 'dense', name, values, dense: values, categories, missing: null },
          entry,
          arrays: [[entry, values]],
        };
      }),
  );
}

function sparse(n: number): fc.Arbitrary<Made> {
  const rows = n > 0 ? fc.uniqueArray(fc.nat({ max: n - 1 })) : fc.constant([]);
  return fc
    .record({ name: TEXT, dtype: DTYPE, rows, bytes: bytesOf(n) })
    .map(({ name, dtype, rows: listed, bytes }) => {
      const values = valuesOf(dtype, bytes, listed.length);
      const indices = Uint32Array.from(listed);
      const all = new ARRAYS[dtype](n);
      for (const [k, row] of listed.entries()) all[row] = values[k] as number;
      const where = { dtype: 'uint32' };
      const entry = { name, dtype, layout: 'sparse', indices: where };
      return {
        wanted: { layout: 'sparse', name, values, dense: all, indices },
        entry,
        arrays: [
          [entry, values],
          [where, indices],
        ],
      };
    });
}

function texts(n: number): fc.Arbitrary<Made> {
  return fc
    .record({ name: TEXT, values: fc.array(fc.option(TEXT), { minLength: n, maxLength: n }) })
    .map(({ name, values }) => ({
      wanted: { layout: 'string', name, values },
      entry: { name, dtype: 'string', values },
      arrays: [],
    }));
}

/** The body as the format's own words have it: arrays in any order, each on a multiple of 8 bytes. */
function encode(n: number, columns: readonly Made[]): ArrayBuffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [slot, array] of columns.flatMap(({ arrays }) => arrays).reverse()) {
    Object.assign(slot, { offset: at, length: array.byteLength / (array as Uint8Array).BYTES_PER_ELEMENT });
    const part = new Uint8Array(Math.ceil(array.byteLength / 8) * 8);
    part.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    parts.push(part);
    at += part.length;
  }
  const json = new TextEncoder().encode(JSON.stringify({ n, columns: columns.map(({ entry }) => entry) }));
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  header.set(json);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, header.length, true);
  const whole = [new TextEncoder().encode('SCC1'), size, header, ...parts];
  const body = new Uint8Array(whole.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of whole) {
    body.set(part, end);
    end += part.length;
  }
  return body.buffer;
}

const BODY = fc
  .nat({ max: 20 })
  .chain((n) =>
    fc
      .array(fc.oneof(dense(n), coded(n), sparse(n), texts(n)), { maxLength: 5 })
      .map((columns) => ({ n, columns, body: encode(n, columns) })),
  );

function shown(column: Column) {
  const { layout, name, values } = column;
  if (layout === 'string') return { layout, name, values };
  if (layout === 'sparse') return { layout, name, values, dense: column.dense(), indices: column.indices };
  return { layout, name, values, dense: column.dense(), categories: column.categories, missing: column.missing };
}

test('whatever is sent arrives, bit by bit', () => {
  fc.assert(
    fc.property(BODY, ({ n, columns, body }) => {
      const read = decodeColumns(body);
      expect(read.n).toBe(n);
      expect(read.columns.map(shown)).toEqual(columns.map(({ wanted }) => wanted));
    }),
    { numRuns: 300 },
  );
});

test('a body cut off or changed anywhere is read or refused, and never anything else', () => {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    to: fc.nat({ max: 255 }),
    cut: fc.boolean(),
  });
  fc.assert(
    fc.property(BODY, fc.array(change, { minLength: 1, maxLength: 4 }), ({ body }, changes) => {
      let bytes = new Uint8Array(body.slice(0));
      for (const { at, to, cut } of changes) {
        const k = Math.floor(at * bytes.length);
        if (cut) bytes = bytes.slice(0, k);
        else if (k < bytes.length) bytes[k] = to;
      }
      try {
        for (const column of decodeColumns(bytes.buffer).columns) if (column.layout !== 'string') column.dense();
      } catch (error) {
        expect(error).toBeInstanceOf(ColumnsError);
      }
    }),
    { numRuns: 1000 },
  );
});
